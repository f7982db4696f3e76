"""The API: what the staff room shows, as JSON. Its description opens at /api/docs."""

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.security import SessionAuth

from accounts.access import staff
from incidents.api import router as incidents
from notifications.api import router as notifications


class StaffSession(SessionAuth):
    """A signed-in member of staff who may read the room; the second factor is the middleware's matter."""

    def authenticate(self, request: HttpRequest, key: str | None):
        user = request.user
        return user if user.is_authenticated and user.is_staff and user.has_perm("accounts.read_room") else None


api = NinjaAPI(
    title="Incidents and notices", version="1", auth=StaffSession(), docs_url="/docs", docs_decorator=staff("read_room")
)
api.add_router("", incidents)
api.add_router("", notifications)
