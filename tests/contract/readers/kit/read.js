// Reads tokens with @solana/kit and its client of Token-2022.

import { createSolanaRpc, unwrapOption } from "@solana/kit";
import { TOKEN_2022_PROGRAM_ADDRESS, fetchMint } from "@solana-program/token-2022";
import { answer, asked, explainedMint, heldMints, outcome } from "../report.js";

const rpc = createSolanaRpc(asked.url);
const commitment = "confirmed";
const options = { commitment, encoding: "jsonParsed" };

async function decoded(address) {
  const { data } = await fetchMint(rpc, address, { commitment });
  const extensions = unwrapOption(data.extensions) ?? [];
  const state = (kind) => extensions.find((one) => one.__kind === kind);
  const { name, symbol, uri } = state("TokenMetadata");
  const group = state("TokenGroup");
  return {
    supply: Number(data.supply),
    decimals: data.decimals,
    authorities: [unwrapOption(data.mintAuthority), unwrapOption(data.freezeAuthority)],
    words: [name, symbol, uri],
    group: state("TokenGroupMember")?.group ?? null,
    sizes: group ? [Number(group.size), Number(group.maxSize)] : null,
    delegate: state("PermanentDelegate")?.delegate ?? null,
    soulbound: state("NonTransferable") !== undefined,
  };
}

async function explained(address) {
  return explainedMint((await rpc.getAccountInfo(address, options).send()).value.data.parsed);
}

async function held(wallet) {
  const program = { programId: TOKEN_2022_PROGRAM_ADDRESS };
  return heldMints((await rpc.getTokenAccountsByOwner(wallet, program, options).send()).value);
}

async function landed(signature) {
  return outcome((await rpc.getTransaction(signature, { ...options, maxSupportedTransactionVersion: 0 }).send()).meta);
}

const genesis = () => rpc.getGenesisHash().send();

// The text of the field `ticket_root` in the show's mint.
async function root(address) {
  const extensions = unwrapOption((await fetchMint(rpc, address, { commitment })).data.extensions) ?? [];
  return extensions.find((one) => one.__kind === "TokenMetadata").additionalMetadata.get("ticket_root");
}

await answer({ decoded, explained, held, landed, genesis, root });
