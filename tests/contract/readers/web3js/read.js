// Reads tokens with @solana/web3.js and @solana/spl-token.

import {
  TOKEN_2022_PROGRAM_ID,
  getMint,
  getNonTransferable,
  getPermanentDelegate,
  getTokenGroupMemberState,
  getTokenGroupState,
  getTokenMetadata,
} from "@solana/spl-token";
import { Connection, PublicKey } from "@solana/web3.js";
import { answer, asked, explainedMint, heldMints, outcome } from "../report.js";

const connection = new Connection(asked.url, "confirmed");
const text = (key) => key?.toBase58() ?? null;

async function decoded(address) {
  const key = new PublicKey(address);
  const mint = await getMint(connection, key, "confirmed", TOKEN_2022_PROGRAM_ID);
  const { name, symbol, uri } = await getTokenMetadata(connection, key, "confirmed", TOKEN_2022_PROGRAM_ID);
  const group = getTokenGroupState(mint);
  return {
    supply: Number(mint.supply),
    decimals: mint.decimals,
    authorities: [text(mint.mintAuthority), text(mint.freezeAuthority)],
    words: [name, symbol, uri],
    group: text(getTokenGroupMemberState(mint)?.group),
    sizes: group && [Number(group.size), Number(group.maxSize)],
    delegate: text(getPermanentDelegate(mint)?.delegate),
    soulbound: getNonTransferable(mint) !== null,
  };
}

async function explained(address) {
  return explainedMint((await connection.getParsedAccountInfo(new PublicKey(address))).value.data.parsed);
}

async function held(wallet) {
  const program = { programId: TOKEN_2022_PROGRAM_ID };
  return heldMints((await connection.getParsedTokenAccountsByOwner(new PublicKey(wallet), program)).value);
}

async function landed(signature) {
  return outcome((await connection.getParsedTransaction(signature, { maxSupportedTransactionVersion: 0 })).meta);
}

const genesis = () => connection.getGenesisHash();

// The text of the field `ticket_root` in the show's mint.
async function root(address) {
  const metadata = await getTokenMetadata(connection, new PublicKey(address), "confirmed", TOKEN_2022_PROGRAM_ID);
  return new Map(metadata.additionalMetadata).get("ticket_root");
}

await answer({ decoded, explained, held, landed, genesis, root });
