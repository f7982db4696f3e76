"""Incidents over HTTP: to read what the staff room shows, and to hand in who was affected."""

from ninja import Router

from incidents.api.imports import router as imports
from incidents.api.incidents import find
from incidents.api.incidents import router as incidents
from incidents.api.steps import router as steps
from incidents.api.updates import router as updates

__all__ = ["find", "router"]

router = Router()
router.add_router("", incidents, tags=["incidents"])
router.add_router("", updates, tags=["updates"])
router.add_router("", imports, tags=["affected accounts"])
router.add_router("", steps, tags=["steps"])
