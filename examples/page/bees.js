// One cell a frame, the fuller the darker.
const frames = [["Honey", 92], ["Honey", 85], ["Brood", 64], ["Brood", 71], ["Pollen", 38], ["Empty", 4]];

document.querySelector(".comb").append(
  ...frames.map(([name, full]) => {
    const cell = Object.assign(document.createElement("li"), { textContent: `${name} ${full}%` });
    cell.style.setProperty("--cell", `hsl(38 90% ${90 - full * 0.4}%)`);
    return cell;
  }),
);
