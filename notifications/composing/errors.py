class CannotCompose(Exception):
    """The message cannot be written. The text says why, in words for staff; `variable` names what is missing."""

    def __init__(self, variable: str, why: str) -> None:
        super().__init__(why)
        self.variable = variable
