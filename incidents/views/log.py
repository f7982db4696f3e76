from django.http import HttpRequest, HttpResponse

from accounts.access import staff


@staff("read_room")
def log(request: HttpRequest, **path) -> HttpResponse:
    return HttpResponse("")
