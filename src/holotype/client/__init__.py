"""A gallery that another process serves (`holotype serve`), with the records of the library.

    from holotype.client import Client

    with Client("http://127.0.0.1:8470", key) as desk:
        desk.enroll("Ada", "ada.png")
        print(desk.identify("visitor.png").answer)

It needs nothing beside Python and NumPy. A change is sent under an `Idempotency-Key`, so where the
connection is lost it is sent once more, and happens once.
"""

from holotype.client.calling import Picture
from holotype.client.listening import Listening
from holotype.client.long_work import LongWork
from holotype.client.promises import Promises
from holotype.client.questions import Questions
from holotype.client.roster import Roster
from holotype.client.unmatched import Unmatched
from holotype.client.upkeep import Upkeep


class Client(Questions, Roster, Promises, Unmatched, LongWork, Listening, Upkeep):
    """One connection to a server; to be used by one thread at a time.

    Args:
        address: as the server prints it, such as http://127.0.0.1:8470.
        key: one of its keys.
        timeout_s: how long to wait for an answer.
        trust: for TLS with a certificate of your own; None: those of the system.

    Every method raises the error of the library that the server met, with the same words; or a
    ServingError where the server cannot be reached, or takes no such call from this key.
    """


__all__ = ["Client", "Picture"]
