// Shared by the readers: the question is one JSON argument {url, mints, wallets, signatures, proofs}, the answer one line of JSON.

import { createHash } from "node:crypto";

export const asked = JSON.parse(process.argv[2]);

// A mint as the node explains it (`jsonParsed`), in the form in which each reader decodes it from its bytes.
export function explainedMint({ info }) {
  const state = (name) => info.extensions.find((one) => one.extension === name)?.state;
  const { name, symbol, uri } = state("tokenMetadata");
  const group = state("tokenGroup");
  return {
    supply: Number(info.supply),
    decimals: Number(info.decimals),
    authorities: [info.mintAuthority, info.freezeAuthority],
    words: [name, symbol, uri],
    group: state("tokenGroupMember")?.group ?? null,
    sizes: group ? [Number(group.size), Number(group.maxSize)] : null,
    delegate: state("permanentDelegate")?.delegate ?? null,
    soulbound: info.extensions.some((one) => one.extension === "nonTransferable"),
  };
}

// The mints of which explained token accounts hold one.
export const heldMints = (accounts) =>
  accounts
    .map(({ account }) => account.data.parsed.info)
    .filter((one) => one.tokenAmount.amount === "1")
    .map((one) => one.mint)
    .sort();

export function outcome({ err, postTokenBalances: [balance] }) {
  return { failed: err !== null, mint: balance.mint, owner: balance.owner, amount: balance.uiTokenAmount.amount };
}

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const hex = (text) => Buffer.from(text, "hex");

// Whether a proof leads to a root "size:hash" of this chain: docs/minting.md says how, and nothing of ours helps.
function proves(proof, genesis, text) {
  const [size, root] = (text ?? "0:").split(":");
  const parts = ["boxoffice-ticket", genesis, proof.show_mint, proof.index, proof.public_name, proof.cid, proof.generation];
  const content = parts.map((part) => `${Buffer.byteLength(String(part))}:${part}`).join("");
  const path = proof.path.map(hex);
  let [node, index, last] = [sha256(Buffer.from([0]), Buffer.from(content)), proof.index, Number(size) - 1];
  while (last > 0 && path.length) {
    if (index % 2 || index < last) {
      const beside = path.shift();
      node = sha256(Buffer.from([1]), ...(index % 2 ? [beside, node] : [node, beside]));
    }
    [index, last] = [index >> 1, last >> 1];
  }
  return proof.index < Number(size) && path.length === 0 && node.equals(hex(root));
}

export async function answer({ decoded, explained, held, landed, genesis, root }) {
  const each = async (subjects, read) =>
    Object.fromEntries(await Promise.all(subjects.map(async (one) => [one, await read(one)])));
  const { mints, wallets, signatures, proofs = [] } = asked;
  const chain = await genesis();
  const found = {
    decoded: await each(mints, decoded),
    explained: await each(mints, explained),
    held: await each(wallets, held),
    landed: await each(signatures, landed),
    proved: await Promise.all(proofs.map(async (proof) => proves(proof, chain, await root(proof.show_mint)))),
  };
  console.log(JSON.stringify(found));
}
