"""The sender's address for limits, as seen through trusted proxies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

Address = IPv4Address | IPv6Address
IPV6_CUSTOMER_BITS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Senders:
    """Distinguishes senders for limits only; no permission depends on an address reported by a proxy."""

    trusted: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def behind(cls, networks: Sequence[str]) -> Senders:
        """Return a reader that trusts proxies in these networks."""
        return cls(trusted=tuple(ip_network(network) for network in networks))

    def sender_of(self, scope: Scope) -> str | None:
        """Return the sender's address; None if a trusted proxy does not name it, since many senders share that proxy.

        Each proxy appends the address it saw to `X-Forwarded-For`, so the last one that is not a trusted proxy is the sender's;
        everything before it was written by the sender.
        """
        client = _address(scope["client"][0]) if scope.get("client") else None
        if client is None:
            return None
        for address in [client, *reversed(_forwarded_for(scope))]:
            if address is None:
                return None
            if not any(address in network for network in self.trusted):
                return _counted(address)
        return None


def _forwarded_for(scope: Scope) -> list[Address | None]:
    values = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    return [_address(part.strip()) for part in values.decode("latin-1").split(",")] if values else []


def _address(text: str) -> Address | None:
    """Return an address; unwraps an IPv4 address from an IPv6 socket."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _counted(address: Address) -> str:
    """Return the key to count: one customer has a whole IPv6 /64, so its addresses count as one."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, IPV6_CUSTOMER_BITS), strict=False))
    return str(address)
