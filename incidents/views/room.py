from django.http import HttpRequest, HttpResponse

from accounts.access import staff


@staff("read_room")
def index(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def new(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def edit(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")
