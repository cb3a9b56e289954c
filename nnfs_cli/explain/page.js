"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const steps = [...document.querySelectorAll(".step")];
  const nodes = [...document.querySelectorAll(".node")];
  const rows = [...document.querySelectorAll(".row[data-step]")];
  const [back, next, place, graph, formula] = ["back", "next", "place", "graph", "node"].map(find);
  let now = 0;

  function go(to) {
    now = Math.max(0, Math.min(steps.length - 1, to));
    const groups = steps[now].dataset.nodes.split(" ");
    steps.forEach((step, i) => step.classList.toggle("now", i === now));
    nodes.forEach((node) => node.classList.toggle("now", groups.includes(node.dataset.group)));
    rows.forEach((row) => row.classList.toggle("later", Number(row.dataset.step) > now + 1));
    place.textContent = `step ${now + 1} of ${steps.length}`;
    back.disabled = now === 0;
    next.disabled = now === steps.length - 1;
    show(nodes.filter((node) => node.classList.contains("now")));
  }

  // Scroll the graph, not the page, to the nodes of a step.
  function show(shown) {
    if (!shown.length) return;
    const view = graph.getBoundingClientRect();
    const boxes = shown.map((node) => node.getBoundingClientRect());
    const low = (side) => Math.min(...boxes.map((box) => box[side])) - view[side];
    graph.scrollLeft += shift(low("left"), reach(boxes, "right") - view.left, view.width);
    graph.scrollTop += shift(low("top"), reach(boxes, "bottom") - view.top, view.height);
  }

  const reach = (boxes, side) => Math.max(...boxes.map((box) => box[side]));

  // Return how far to scroll so that `low` to `high` is visible in `room` pixels.
  function shift(low, high, room) {
    if (low >= 0 && high <= room) return 0;
    return high - low > room ? low - 16 : (low + high - room) / 2;
  }

  function describe(node) {
    const lines = [...node.querySelectorAll(".row:not(.later)")].map((row) => row.textContent);
    formula.textContent = [node.getAttribute("aria-label"), ...lines].join("\n");
  }

  back.addEventListener("click", () => go(now - 1));
  next.addEventListener("click", () => go(now + 1));
  const keys = {
    ArrowRight: () => now + 1, ArrowLeft: () => now - 1, Home: () => 0, End: () => steps.length,
  };
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in keys)) return;
    event.preventDefault();
    go(keys[event.key]());
  });
  nodes.forEach((node) => {
    node.addEventListener("pointerenter", () => describe(node));
    node.addEventListener("focus", () => describe(node));
  });
  document.body.classList.add("stepping");
  go(Number(location.hash.slice(1)) - 1 || 0);
})();
