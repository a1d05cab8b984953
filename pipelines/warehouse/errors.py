"""What can go wrong with the files of a home, each error with its next step."""


class WarehouseError(Exception):
    """Base of the errors that a user is told on one screen."""


class NotPublished(WarehouseError):
    """There is no published file to read yet."""


class WrongHome(WarehouseError):
    """The home belongs to another mode."""


class LockNotHad(WarehouseError):
    """Another run held the home for too long."""


class NothingToBuild(WarehouseError):
    """No feed has a single row."""


class BadPublication(WarehouseError):
    """The copy made for publishing is not what it should be."""
