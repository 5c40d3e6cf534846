/** @file The report's only script: values under the pointer on the curves, and everything unfolded on paper. The page is whole without it. */

export const script = `
for (const figure of document.querySelectorAll("[data-curves]")) {
  const curves = JSON.parse(figure.dataset.curves);
  const svg = figure.querySelector("svg");
  const readout = figure.querySelector("[data-readout]");
  const unit = readout.textContent;
  const pointer = document.createElementNS("http://www.w3.org/2000/svg", "line");
  pointer.setAttribute("class", "pointer");
  pointer.setAttribute("y1", "10");
  pointer.setAttribute("y2", "198");
  figure.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const nearest = curves.map(({ name, points }) => {
      return { name, point: points.reduce((best, point) => (Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best)) };
    });
    const [place, , step] = nearest[0].point;
    pointer.setAttribute("x1", place);
    pointer.setAttribute("x2", place);
    svg.append(pointer);
    readout.textContent = "step " + step + nearest.map(({ name, point }) => " · " + name + " " + point[3]).join("");
  });
  figure.addEventListener("pointerleave", () => {
    pointer.remove();
    readout.textContent = unit;
  });
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
`;
