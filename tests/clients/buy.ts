// Buys with the types that openapi-typescript generates; prints what each answer is.
import createClient from "openapi-fetch";
import type { components, paths } from "./boxoffice.js";

type Checkout = components["schemas"]["Checkout"];
type Problem409 = components["schemas"]["BuyTickets409Problem"];
type Problem422 = components["schemas"]["BuyTickets422Problem"];

const given: { key: string; url: string; waiting_url: string; show_id: string; ticket_type_id: string } = JSON.parse(
  process.argv[2] as string,
);

async function ask(url: string, quantity: number, key: string): Promise<void> {
  const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${given.key}` } });
  const { data, error, response } = await client.POST("/api/v1/purchases", {
    params: { header: { "Idempotency-Key": key } },
    body: { show_id: given.show_id, items: [{ ticket_type_id: given.ticket_type_id, quantity }] },
  });
  if (data !== undefined) {
    const checkout: Checkout = data;
    console.log(response.status, checkout.state, checkout.price?.total_minor);
  } else if (response.status === 409) {
    const problem = error as Problem409;
    console.log(409, problem.type, problem.values?.["available"]);
  } else if (response.status === 422) {
    const problem = error as Problem422;
    console.log(422, problem.type, problem.errors?.[0]?.where.at(-1));
  } else {
    throw new Error(`not understood: ${response.status}`);
  }
}

const key = crypto.randomUUID();
await ask(given.url, 1, key);
await ask(given.url, 1, key);
await ask(given.waiting_url, 1, crypto.randomUUID());
await ask(given.url, 9, crypto.randomUUID());
await ask(given.url, 0, crypto.randomUUID());
