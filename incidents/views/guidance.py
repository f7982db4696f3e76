from django.http import HttpRequest, HttpResponse

from accounts.access import staff


@staff("read_room")
def guidance(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def add(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def edit(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def delete(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def move(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")


@staff("read_room")
def hold(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")
