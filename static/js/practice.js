// The practice card in the library: who knows their way puts it away.

import { patch } from "./api.js";

document.querySelector("[data-practice-skip]")?.addEventListener("click", async (event) => {
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
