// Shows the description of the HTTP API in Swagger UI.
const operations = document.getElementById("operations");
SwaggerUIBundle({
  url: operations.dataset.document,
  domNode: operations,
  deepLinking: true,
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
});
