"""A token chain in memory: deterministic, without threads or clocks, with failure switches."""

import base64
import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import base58
from solders.keypair import Keypair

from adapters.solana.keys import parse_wallet
from domain.core.errors import InvalidWallet, WrongState
from domain.core.transient import PausedError, TransientError
from domain.tickets.leaf import TreeRoot
from domain.tickets.token import SignedTransaction, TokenKind, TokenSpec, TokenState, TransactionFate, Whereabouts
from tests.fakes.switches import Switches

BLOCKHASH_LIFE = 150
CONFIRMED_AFTER = 1
FINALIZED_AFTER = 3

Verb = Literal[
    "read_token",
    "sign",
    "send",
    "fate",
    "dead_since",
    "supply_of",
    "sign_burn",
    "check_wallet",
    "root_at",
    "minted_by",
    "sign_transfer",
    "whereabouts",
]
ELSEWHERE = "another wallet"
CUSTODY = str(Keypair.from_seed(bytes(32)).pubkey())


@dataclass
class _Landed:
    height: int
    failed: bool


class FakeTokenChain(Switches[Verb]):
    """A `TokenChain`; one block passes with every `fate`, `send` and `dead_since`.

    `landings` counts the successful mints per address (more than one: two tokens for one ticket), `burnt` the burns,
    `moves` the transfers out of custody.
    """

    def __init__(self) -> None:
        super().__init__()
        self.height = 1_000
        self.custodies = {CUSTODY}
        self.landings: Counter[str] = Counter()
        self.burnt: Counter[str] = Counter()
        self.sends: Counter[str] = Counter()
        self.missing_lamports, self.is_paused = 0, False
        self.token_accounts: set[str] = set()
        self.moves: Counter[str] = Counter()
        self._had: dict[str, list[str | None]] = {}  # the wallets that a token was in, the newest last
        self._final_moves: list[tuple[int, str, str]] = []  # height, address, wallet
        self._specs: dict[str, TokenSpec] = {}
        self._made: dict[str, SignedTransaction] = {}
        self._known: set[tuple[TokenKind, str | None]] = set()
        self._members: Counter[str] = Counter()
        self._landed: dict[str, _Landed] = {}
        self._signed = 0
        self._dropped = 0
        self._roots: defaultdict[str, list[tuple[int, TreeRoot]]] = defaultdict(list)
        self._spoilt: dict[str, tuple[str, ...]] = {}
        self._changes: list[tuple[int, str, int]] = []  # height, address, change of the supply
        self.lagging: frozenset[Verb] = frozenset()

    def drop_sends(self, times: int = 1) -> None:
        """Let the next sends be accepted and never executed."""
        self._dropped += times

    def lag(self, *verbs: Verb) -> None:
        """Let these reads be answered by a node that knows no mint and no signature; one tied to a slot fails."""
        self.lagging = frozenset(verbs)

    def expire(self) -> None:
        """Let enough blocks pass to expire every transaction signed so far."""
        self.height += BLOCKHASH_LIFE + FINALIZED_AFTER + 1

    def spoil(self, address: str, *problems: str) -> None:
        """Give a mint these problems at every later read."""
        self._spoilt[address] = problems

    def lack_lamports(self, lamports: int) -> None:
        """Take lamports from the payer, so that it cannot sign, until called with 0."""
        self.missing_lamports = lamports

    def address_of(self, kind: TokenKind, subject_id: str) -> str:
        """Return the mint address of a subject."""
        return base58.b58encode(hashlib.sha256(f"{kind}:{subject_id}".encode()).digest()).decode()

    async def cluster(self) -> str:
        """Return the genesis hash."""
        return "fake"

    async def check_wallet(self, address: str, *, vault: bool) -> None:
        """Raise InvalidWallet for an address that is nobody's, or that is a mint or one of the `token_accounts`."""
        parse_wallet(address, vault=vault)
        self._begin("check_wallet")
        if address in self._specs or address in self.token_accounts:
            raise InvalidWallet("the wallet is a mint or a token account", reason="token-account")
        self._end("check_wallet")

    def is_custody(self, address: str) -> bool:
        """Return whether an address is a custody of ours."""
        return address in self.custodies

    def signed_spec(self, signed: SignedTransaction) -> TokenSpec:
        """Read back which token a signed mint makes."""
        words = json.loads(base64.b64decode(signed.wire_base64))
        if "to" in words:
            return TokenSpec(kind="ticket", subject_id="", name="", symbol="", uri="", owner_address=words["to"])
        return TokenSpec.model_validate(words["spec"]).model_copy(update={"subject_id": ""})

    def move(self, address: str) -> None:
        """Let the holder of a token move it to another wallet."""
        self._had[address].append(ELSEWHERE)

    async def read_token(self, address: str, spec: TokenSpec) -> TokenState | None:
        """Read a mint; None when there is none."""
        self._begin("read_token")
        made = self._specs.get(address)
        self._end("read_token")
        if made is None or "read_token" in self.lagging:
            return None
        differing = [
            name
            for name in ("kind", "name", "symbol", "uri", "group_address", "max_size", "transfer")
            if getattr(made, name) != getattr(spec, name)
        ]
        problems = tuple(f"{name} is {getattr(made, name)}" for name in differing) + self._spoilt.get(address, ())
        is_group = made.kind != "ticket"
        is_held = self._had[address][-1] == spec.owner_address
        return TokenState(
            address=address,
            supply=0 if is_group else self.supplies()[address],
            decimals=0,
            owner_address=spec.owner_address if is_held and not self.burnt[address] else None,
            group_address=made.group_address,
            group_size=self._members[address] if is_group else None,
            group_max_size=made.max_size if is_group else None,
            uri=made.uri,
            problems=problems,
            holding=None if is_group else "burnt" if self.burnt[address] else "held" if is_held else "held-elsewhere",
        )

    async def sign(self, spec: TokenSpec, *, again: SignedTransaction | None = None) -> SignedTransaction:
        """Sign; raise as the real chain does. A known kind and group is simulated only with `again`."""
        self._begin("sign")
        if spec.kind == "ticket" and spec.owner_address is not None:
            parse_wallet(spec.owner_address, vault=True)
        if self.is_paused:
            raise PausedError("minting pauses: the payer fake is low", pause=timedelta(minutes=1))
        if self.missing_lamports:
            raise TransientError(f"the payer fake lacks {self.missing_lamports} lamports")
        address = self.address_of(spec.kind, spec.subject_id)
        if again is not None or (spec.kind, spec.group_address) not in self._known:
            self._simulate(spec, address)
        self._end("sign")
        return self._signed_bytes(address, {"spec": spec.model_dump()})

    def _simulate(self, spec: TokenSpec, address: str) -> None:
        if address in self._specs:
            raise TransientError(f"the account of {spec.kind} {spec.subject_id} already exists")
        if self._is_full(spec):
            raise WrongState("the group is full", group_address=spec.group_address)
        self._known.add((spec.kind, spec.group_address))

    async def supply_of(self, address: str, since: int = 0) -> int | None:
        """Return the finalized supply of a token; None without a mint."""
        self._begin("supply_of")
        if "supply_of" in self.lagging and since:
            raise TransientError("the node lags behind the slot")
        self._end("supply_of")
        final = self.height - FINALIZED_AFTER
        changes = [(height <= final, change) for height, at, change in self._changes if at == address]
        if "supply_of" in self.lagging or not any(is_final for is_final, _ in changes):
            return None
        pending = sum(change for is_final, change in changes if not is_final)
        return self.supplies()[address] - pending

    async def sign_burn(self, address: str, minted: SignedTransaction | None) -> SignedTransaction:
        """Sign the burning of a token."""
        self._begin("sign_burn")
        if not self.supplies()[address]:
            raise TransientError(f"no account is known to hold the token {address}")
        self._end("sign_burn")
        return self._signed_bytes(address, {"burn": address})

    async def sign_transfer(self, minted: SignedTransaction, wallet: str) -> SignedTransaction:
        """Sign the move of a token from custody; raise as the real chain does."""
        self._begin("sign_transfer")
        parse_wallet(wallet, vault=False)
        made, address = self._specs.get(minted.mint_address), minted.mint_address
        if made is not None and made.transfer == "soulbound":
            raise RuntimeError("the token is soulbound")
        if made is None or not self.supplies()[address] or self._had[address][-1] != made.owner_address:
            raise TransientError(f"the token {address} is not in custody now")
        self._end("sign_transfer")
        return self._signed_bytes(address, {"to": wallet})

    async def whereabouts(self, minted: SignedTransaction, wallet: str, since: int = 0) -> Whereabouts:
        """Return where a token is, finalized."""
        self._begin("whereabouts")
        if "whereabouts" in self.lagging and since:
            raise TransientError("the node lags behind the slot")
        self._end("whereabouts")
        address, final = minted.mint_address, self.height - FINALIZED_AFTER
        had = self._had.get(address, [])
        pending = [to for height, at, to in self._final_moves if at == address and height > final]
        kept = had[: len(had) - len(pending)]
        if kept and kept[-1] == kept[0] and self.supplies()[address]:
            return "custody"
        return "claimed" if wallet in kept else "elsewhere"

    def supplies(self) -> Counter[str]:
        """Return the supply of each token."""
        return Counter({address: made - self.burnt[address] for address, made in self.landings.items()})

    def _signed_bytes(self, address: str, words: dict[str, object]) -> SignedTransaction:
        self._signed += 1
        text = json.dumps({"number": self._signed, **words})
        return SignedTransaction(
            mint_address=address,
            signature=base58.b58encode(hashlib.sha512(text.encode()).digest()).decode(),
            wire_base64=base64.b64encode(text.encode()).decode(),
            last_valid_block_height=self.height + BLOCKHASH_LIFE,
        )

    async def sizes_of(self, address: str) -> tuple[int, int] | None:
        """Return a group's number of members and its maximum; None without a group."""
        self._begin("read_token")
        made = self._specs.get(address)
        self._end("read_token")
        return None if made is None or made.max_size is None else (self._members[address], made.max_size)

    async def sign_resize(self, address: str, size_max: int) -> SignedTransaction:
        """Sign a new maximum size of a group; raise as the real chain does."""
        self._begin("sign")
        if address not in self._specs or size_max < self._members[address]:
            raise TransientError(f"the group {address} cannot be resized to {size_max} now")
        signed = self._signed_bytes(address, {"resize": size_max})
        self._end("sign")
        return signed

    async def root_at(self, show_mint: str, since: int = 0) -> TreeRoot | None:
        """Return the finalized root in a show's mint."""
        self._begin("root_at")
        if "root_at" in self.lagging and since:
            raise TransientError("the node lags behind the slot")
        self._end("root_at")
        final = self.height - FINALIZED_AFTER
        found = [root for height, root in self._roots[show_mint] if height <= final and "root_at" not in self.lagging]
        return found[-1] if found else None

    async def sign_root(self, show_mint: str, root: TreeRoot) -> SignedTransaction:
        """Sign a root into a show's mint."""
        self._begin("sign")
        if show_mint not in self._specs:
            raise TransientError(f"the show's mint {show_mint} is not visible on chain now")
        self._end("sign")
        return self._signed_bytes(show_mint, {"root": root.text()})

    def roots(self) -> dict[str, TreeRoot]:
        """Return the newest root in each show's mint."""
        return {show_mint: written[-1][1] for show_mint, written in self._roots.items() if written}

    async def minted_by(self, address: str) -> SignedTransaction:
        """Return the transaction that made a mint."""
        self._begin("minted_by")
        if address not in self._made:
            raise TransientError(f"no node knows the transaction that made the mint {address}")
        self._end("minted_by")
        return self._made[address]

    async def send(self, signed: SignedTransaction) -> None:
        """Execute the signed bytes, once at most."""
        self._begin("send")
        self.height += 1
        self.sends[signed.mint_address] += 1
        if self._dropped:
            self._dropped -= 1
        elif signed.signature not in self._landed and self.height <= signed.last_valid_block_height:
            self._execute(signed)
        self._end("send")

    async def fate(self, signature: str) -> TransactionFate:
        """Return the state of a transaction."""
        self._begin("fate")
        self.height += 1
        self._end("fate")
        landed = self._landed.get(signature)
        if landed is None or "fate" in self.lagging:
            return "unknown"
        depth = self.height - landed.height
        if depth >= FINALIZED_AFTER:
            return "failed" if landed.failed else "finalized"
        if landed.failed:
            return "processed"
        return "confirmed" if depth >= CONFIRMED_AFTER else "processed"

    async def dead_since(self, signed: SignedTransaction) -> int | None:
        """Return the finalized height if the bytes had failed or expired by then."""
        self._begin("dead_since")
        self.height += 1
        self._end("dead_since")
        if "fate" in self.lagging:
            raise TransientError("the node lags: its statuses are older than its height")
        final, landed = self.height - FINALIZED_AFTER, self._landed.get(signed.signature)
        if landed is None:
            return final if final > signed.last_valid_block_height else None
        return final if landed.failed and landed.height <= final else None

    def _execute(self, signed: SignedTransaction) -> None:
        words = json.loads(base64.b64decode(signed.wire_base64))
        if "burn" in words:
            failed = not self.supplies()[words["burn"]]
            self.burnt[words["burn"]] += not failed
            self._changes.append((self.height, words["burn"], 0 if failed else -1))
            self._landed[signed.signature] = _Landed(self.height, failed)
            return
        if "resize" in words:
            self._resize(signed, words["resize"])
            return
        if "root" in words:
            root = TreeRoot.read(words["root"])
            assert root is not None
            self._roots[signed.mint_address].append((self.height, root))
            self._landed[signed.signature] = _Landed(self.height, failed=False)
            return
        if "to" in words:
            self._move(signed, words["to"])
            return
        spec = TokenSpec.model_validate(words["spec"])
        failed = signed.mint_address in self._specs or self._is_full(spec)
        self._landed[signed.signature] = _Landed(self.height, failed)
        if failed:
            return
        self._specs[signed.mint_address], self._made[signed.mint_address] = spec, signed
        self._had[signed.mint_address] = [spec.owner_address]
        self.landings[signed.mint_address] += 1
        self._changes.append((self.height, signed.mint_address, 1))
        if spec.group_address is not None:
            self._members[spec.group_address] += 1

    def _move(self, signed: SignedTransaction, wallet: str) -> None:
        address = signed.mint_address
        failed = not self.supplies()[address] or self._had[address][-1] != self._specs[address].owner_address
        self._landed[signed.signature] = _Landed(self.height, failed)
        if not failed:
            self._had[address].append(wallet)
            self._final_moves.append((self.height, address, wallet))
            self.moves[address] += 1

    def _resize(self, signed: SignedTransaction, size_max: int) -> None:
        address = signed.mint_address
        failed = size_max < self._members[address]
        self._landed[signed.signature] = _Landed(self.height, failed)
        if not failed:
            self._specs[address] = self._specs[address].model_copy(update={"max_size": size_max})

    def _is_full(self, spec: TokenSpec) -> bool:
        if spec.group_address is None:
            return False
        group = self._specs.get(spec.group_address)
        if group is None:
            raise TransientError("the group is not on chain yet")
        return self._members[spec.group_address] >= (group.max_size or 0)
