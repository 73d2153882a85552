"""The payment provider. Without a URL its documented sandbox rules are followed, without network."""

import json
import urllib.error
import urllib.request

from storefront.settings import Settings


class Declined(Exception):
    """The card's bank said no; asking again does not help."""


class Unavailable(Exception):
    """The provider could not be asked; nothing was charged."""


class Provider:
    def __init__(self, settings: Settings) -> None:
        self._url = settings.provider_url
        self._timeout_seconds = settings.provider_timeout_seconds

    def charge(self, reference: str, card: str, amount_cents: int) -> str:
        """Charges once for each reference and returns the provider's id of the charge."""
        return self._call("charges", {"reference": reference, "card": card, "amount_cents": amount_cents})

    def refund(self, reference: str, amount_cents: int) -> str:
        """Gives back once for each reference."""
        return self._call("refunds", {"reference": reference, "amount_cents": amount_cents})

    def _call(self, kind: str, asked: dict[str, object]) -> str:
        if self._url is None:
            return _sandbox(kind, asked)
        request = urllib.request.Request(
            f"{self._url}/{kind}",
            data=json.dumps(asked).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_seconds) as answer:
                return json.load(answer)["id"]
        except urllib.error.HTTPError as error:
            if error.code == 402:
                raise Declined from None
            raise Unavailable(f"the provider answered {error.code}") from None
        except (OSError, ValueError, KeyError) as error:
            raise Unavailable(str(error)) from None


def _sandbox(kind: str, asked: dict[str, object]) -> str:
    if asked.get("card") == "card_declined":
        raise Declined
    if asked.get("card") == "card_unavailable":
        raise Unavailable("the sandbox was asked to be unavailable")
    return f"{kind[:2]}_{asked['reference']}"
