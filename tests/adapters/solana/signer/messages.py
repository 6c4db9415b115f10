"""Every message that our adapters sign, with four keys; and their parts, for changing one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from solders.hash import Hash
from solders.instruction import CompiledInstruction, Instruction
from solders.keypair import Keypair
from solders.message import MessageHeader, MessageV0
from solders.pubkey import Pubkey

from adapters.solana import instructions as make
from adapters.solana.signer.keys import KeyAddresses
from adapters.solana.transaction import Authority, compile_message, token_instructions
from domain.tickets.token import TokenKind, TokenSpec


def key(number: int) -> Keypair:
    """Return the same keypair for a number every time."""
    return Keypair.from_seed(bytes([number]) * 32)


PAYER, ISSUER, DELEGATE, CUSTODY, RETIRED = (key(number) for number in range(1, 6))
STRANGER, GROUP = key(77).pubkey(), key(78).pubkey()
OURS = (PAYER, ISSUER, DELEGATE, CUSTODY, RETIRED)
KEYS = KeyAddresses(PAYER.pubkey(), ISSUER.pubkey(), DELEGATE.pubkey(), CUSTODY.pubkey(), frozenset({RETIRED.pubkey()}))
BLOCKHASH, BUDGET, RENT = Hash(bytes([9] * 32)), (80_000, 1_000), 5_000_000
MINT = Pubkey.create_with_seed(KEYS.issuer, "seed", make.TOKEN_2022)


def compiled(*instructions: Instruction) -> MessageV0:
    return compile_message(KEYS.payer, list(instructions), BLOCKHASH, BUDGET)


def minting(
    kind: TokenKind, over_group: Pubkey = KEYS.issuer, owner: Pubkey = STRANGER, *, soulbound: bool = False
) -> MessageV0:
    spec = TokenSpec(
        kind=kind,
        subject_id="s",
        name="Evening Show",
        symbol="SHOW",
        uri="ipfs://bafy",
        group_address=None if kind == "venue" else str(GROUP),
        max_size=None if kind == "ticket" else 100,
        transfer="soulbound" if soulbound else "free",
    )
    ours = Authority(KEYS.payer, KEYS.issuer, KEYS.delegate, over_group)
    return compiled(*token_instructions(spec, ours, "seed", owner, RENT))


HOLDER = make.associated_account(STRANGER, MINT)
MESSAGES: dict[str, Callable[[], MessageV0]] = {
    "venue": lambda: minting("venue"),
    "show": lambda: minting("show"),
    "ticket": lambda: minting("ticket"),
    "ticket to custody": lambda: minting("ticket", owner=KEYS.custody),
    "ticket of a group with a retired key": lambda: minting("ticket", RETIRED.pubkey()),
    "burn": lambda: compiled(make.burn_one(MINT, HOLDER, KEYS.delegate)),
    "burn by a retired delegate": lambda: compiled(make.burn_one(MINT, HOLDER, RETIRED.pubkey())),
    "claim": lambda: compiled(
        make.create_associated(KEYS.payer, STRANGER, MINT),
        make.move_one(MINT, make.associated_account(KEYS.custody, MINT), HOLDER, KEYS.delegate),
    ),
    "soulbound ticket": lambda: minting("ticket", soulbound=True),
    "resize": lambda: compiled(make.resize_group(MINT, KEYS.issuer, 5)),
}


class Parts(NamedTuple):
    """A message that can be changed in one place: `accounts` of each instruction are indices."""

    header: tuple[int, int, int]
    keys: list[Pubkey]
    instructions: list[tuple[int, bytes, bytes]]

    @classmethod
    def of(cls, message: MessageV0) -> "Parts":
        header = message.header
        return cls(
            (
                header.num_required_signatures,
                header.num_readonly_signed_accounts,
                header.num_readonly_unsigned_accounts,
            ),
            list(message.account_keys),
            [(one.program_id_index, bytes(one.data), bytes(one.accounts)) for one in message.instructions],
        )

    def message(self) -> MessageV0:
        return MessageV0(MessageHeader(*self.header), self.keys, BLOCKHASH, compiled_of(self.instructions), [])


def compiled_of(instructions: Sequence[tuple[int, bytes, bytes]]) -> list[CompiledInstruction]:
    return [CompiledInstruction(*one) for one in instructions]
