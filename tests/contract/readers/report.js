// Shared by the readers: the question is one JSON argument {url, mints, wallets, signatures}, the answer one line of JSON.

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

export async function answer({ decoded, explained, held, landed }) {
  const each = async (subjects, read) =>
    Object.fromEntries(await Promise.all(subjects.map(async (one) => [one, await read(one)])));
  const { mints, wallets, signatures } = asked;
  const found = {
    decoded: await each(mints, decoded),
    explained: await each(mints, explained),
    held: await each(wallets, held),
    landed: await each(signatures, landed),
  };
  console.log(JSON.stringify(found));
}
