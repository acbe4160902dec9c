"""The one way out: every request this program makes to another machine goes through `fetch`.

An address is looked up once, judged, and then connected to as it was judged; each redirect is a new request that is
judged again. Size and time are limited whatever the other side does. Nothing here reads proxies or credentials from the
environment: what a request carries is what its caller gave it.
"""

from homefield.net.addresses import Allowed, Resolver, why_refused
from homefield.net.request import Limits, Reply, fetch, fetch_now

__all__ = ["Allowed", "Limits", "Reply", "Resolver", "fetch", "fetch_now", "why_refused"]
