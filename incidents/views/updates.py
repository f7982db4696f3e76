from django.http import HttpRequest, HttpResponse

from accounts.access import staff


@staff("read_room")
def updates(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def new(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def correct(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def edit(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def delete(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")
