"""Who plays: three people of the made-up company Relaypost, with log-ins that are printed for everyone to use."""

from dataclasses import dataclass

PASSWORD = "rehearsal on a laptop"  # noqa: S105  (printed at the end of the demo; nothing real is behind it)


@dataclass(frozen=True)
class Person:
    name: str
    email: str
    role: str
    totp_secret: str


WANDA = Person("Wanda Weaver", "wanda@relaypost.example", "Writer", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
ANTON = Person("Anton Acheson", "anton@relaypost.example", "Approver", "KRSXG5CTMVRXEZLUKN2XAZLSKNSWG4TF")
ADA = Person("Ada Adeyemi", "ada@relaypost.example", "Administrator", "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U")
PEOPLE = (WANDA, ANTON, ADA)
