// Pays with Stripe's own fields; the card never touches this site.
const form = document.getElementById("stripe");
const message = document.getElementById("stripe-message");
const stripe = Stripe(form.dataset.key);
const elements = stripe.elements({ clientSecret: form.dataset.secret });
elements.create("payment").mount("#payment-element");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  message.textContent = "";
  const { error } = await stripe.confirmPayment({ elements, confirmParams: { return_url: location.href } });
  message.textContent = error ? error.message : "";
  button.disabled = false;
});
