"""The door of the simulated world: a `requests` adapter that answers for the upstreams it simulates.

Belongs here: which upstreams there are, taking a request apart for them, and making a response of their page.
Not here: what the pages say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus
from io import BytesIO
from threading import Lock
from urllib.parse import parse_qsl, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from pipelines.registry import Registry
from pipelines.sample.activity import Activity
from pipelines.sample.ark import Ark
from pipelines.sample.bitbo import Bitbo
from pipelines.sample.bitwise import Bitwise
from pipelines.sample.blockscout import Blockscout
from pipelines.sample.btcetffundflow import BtcEtfFundFlow
from pipelines.sample.btrscan import BtrScan
from pipelines.sample.bvm import Bvm
from pipelines.sample.celenium import Celenium
from pipelines.sample.coingecko import CoinGecko
from pipelines.sample.coinglass import CoinGlass
from pipelines.sample.coinmetrics import CoinMetrics
from pipelines.sample.coinshares import CoinShares
from pipelines.sample.da import BitcoinFees, Celestia, EthereumFees
from pipelines.sample.edgar import Edgar
from pipelines.sample.ethereum_node import EthereumNodes
from pipelines.sample.evm_node import EvmNodes
from pipelines.sample.exchange import Asked, Page, Upstream, text
from pipelines.sample.farside import Farside
from pipelines.sample.franklin import Franklin
from pipelines.sample.hiro import Hiro
from pipelines.sample.invesco import Invesco
from pipelines.sample.ishares import IShares
from pipelines.sample.issuers import Issuers
from pipelines.sample.llama_fees import LlamaFees
from pipelines.sample.llama_prices import LlamaPrices
from pipelines.sample.llama_protocols import LlamaProtocols
from pipelines.sample.llama_tvl import LlamaTvl
from pipelines.sample.mempool import Mempool
from pipelines.sample.mempool_fees import MempoolFees
from pipelines.sample.merlin_scan import MerlinScan
from pipelines.sample.pox import Pox
from pipelines.sample.sosovalue import SoSoValue
from pipelines.sample.stacks import Stacks
from pipelines.sample.stacks_node import StacksNode
from pipelines.sample.vaneck import VanEck
from pipelines.sample.world import SEED, World
from pipelines.settings import Clock


class WorldAdapter(BaseAdapter):
    """Mount it for `https://` (and `http://`): every address it does not know is answered with 404."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        super().__init__()
        self._registry = registry
        self._clock = clock
        self._making = Lock()

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """What the upstream shows at the clock's instant."""
        asked = self._asked(request)
        with self._making:
            upstreams = self._upstreams
        pages = (upstream.answer(asked) for upstream in upstreams)
        page = next((page for page in pages if page is not None), None)
        return _response(request, page or text(f"The simulated world has nothing at {asked.line}\n", 404))

    def close(self) -> None:
        """Nothing is open."""

    def _asked(self, request: PreparedRequest) -> Asked:
        url = urlsplit(request.url or "")
        return Asked(
            at=self._clock.now(),
            method=request.method or "",
            host=url.hostname or "",
            path=url.path.rstrip("/"),
            query=dict(parse_qsl(url.query)),
            headers={name.lower(): _text(value) for name, value in request.headers.items()},
            body=_text(request.body),
        )

    @cached_property
    def _upstreams(self) -> tuple[Upstream, ...]:
        """The world is made when it is first asked, once for each adapter; those that are asked most come first."""
        world = World(self._registry)
        issuers, chains = Issuers(world), LlamaTvl(world, self._registry)
        activity = Activity(world.anchors, SEED)
        stacks = Stacks(world.anchors, world.assets, world.blocks, world.vaults, SEED)
        pox = Pox(world.anchors, world.assets, world.blocks, stacks, SEED)
        return (
            EvmNodes(world, self._registry),
            StacksNode(world.blocks, stacks, pox),
            Hiro(world.blocks, stacks, pox),
            EthereumNodes(EthereumFees(world.anchors, SEED), self._registry),
            Mempool(world),
            chains,
            LlamaProtocols(world, self._registry, chains),
            LlamaPrices(world, self._registry),
            LlamaFees(world, self._registry, activity, chains),
            Blockscout(self._registry, activity),
            MerlinScan(activity),
            BtrScan(activity),
            CoinMetrics(world, self._registry),
            CoinGecko(world, self._registry),
            Farside(world),
            BtcEtfFundFlow(world),
            IShares(world, issuers),
            Ark(issuers),
            Bitwise(issuers),
            VanEck(issuers),
            Franklin(issuers),
            Invesco(issuers),
            CoinShares(issuers),
            Bitbo(world),
            Edgar(world, self._registry),
            SoSoValue(world),
            CoinGlass(world),
            Celenium(Celestia(world.anchors, SEED)),
            MempoolFees(BitcoinFees(world.anchors, SEED), world.blocks),
            Bvm(world.anchors, activity),
        )


def _text(value: object) -> str:
    """A header or body as text; nothing where there is none."""
    return value.decode() if isinstance(value, bytes) else str(value or "")


def _response(request: PreparedRequest, page: Page) -> Response:
    headers = {"Content-Type": page.content_type, "Content-Length": str(len(page.body))}
    response = Response()
    response.status_code = page.status
    response.reason = HTTPStatus(page.status).phrase
    response.raw = HTTPResponse(
        BytesIO(page.body), headers=headers, status=page.status, reason=response.reason, preload_content=False
    )
    response.headers.update(headers)
    response.encoding = "utf-8"
    response.url = request.url or ""
    response.request = request
    return response
