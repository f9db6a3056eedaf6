// The practice card in the library: who knows their way puts it away.

import { patch } from "./api.js";

document.addEventListener("click", async (event) => {
  if (!event.target.closest("[data-practice-skip]")) return;
  const card = event.target.closest(".practice-card");
  try {
    await patch("practice/", { skipped: true });
  } catch (error) {
    document.getElementById("said").textContent = error.message;
    return;
  }
  card.remove();
  document.getElementById("main").focus();
});
