/// The read-out under the pointer. The page says everything without it.
enum PageScript {
    /// Without `<` and `&`, which are no text in XML.
    static let javaScript = #"""
        "use strict";
        const svgNamespace = "http://www.w3.org/2000/svg";
        const oneDigit = new Intl.NumberFormat("en-US", {maximumFractionDigits: 1});
        const twoDigits = new Intl.NumberFormat("en-US", {maximumFractionDigits: 2});

        function written(value, axis) {
          if (value === null) return "not known";
          if (axis !== "latency") return twoDigits.format(value);
          return value >= 1 ? twoDigits.format(value) + " s" : oneDigit.format(value * 1000) + " ms";
        }

        function chart(svg) {
          const title = svg.querySelector("title");
          // A browser would show it as a tip on top of the read-out.
          svg.setAttribute("aria-label", title.textContent);
          svg.removeAttribute("aria-labelledby");
          title.remove();
          const number = name => Number(svg.dataset[name]);
          const curves = Array.from(svg.querySelectorAll("path[data-times]"), path => ({
            path: path,
            name: path.dataset.name,
            times: path.dataset.times.split(" ").map(Number),
            values: path.dataset.values.split(" ").map(text => text === "-" ? null : Number(text)),
          }));
          const readout = document.createElement("div");
          readout.className = "readout";
          readout.hidden = true;
          svg.closest("figure").append(readout);
          return {svg: svg, curves: curves, readout: readout, cursor: svg.querySelector(".cursor"),
            group: svg.closest(".charts"), width: svg.viewBox.baseVal.width, axis: svg.dataset.axis,
            left: number("left"), right: number("right"), from: number("from"), to: number("to")};
        }

        function timeAt(chart, clientX) {
          const box = chart.svg.getBoundingClientRect();
          const x = (clientX - box.left) / box.width * chart.width;
          const share = Math.min(Math.max((x - chart.left) / (chart.right - chart.left), 0), 1);
          return chart.from + share * (chart.to - chart.from);
        }

        function nearest(times, time) {
          return times.reduce((best, at, index) =>
            Math.abs(times[best] - time) > Math.abs(at - time) ? index : best, 0);
        }

        function moveCursor(chart, time) {
          const share = (time - chart.from) / (chart.to - chart.from);
          const x = chart.left + share * (chart.right - chart.left);
          chart.cursor.setAttribute("x1", x);
          chart.cursor.setAttribute("x2", x);
          chart.cursor.classList.add("shown");
        }

        function row(chart, curve, time) {
          const swatch = document.createElementNS(svgNamespace, "svg");
          swatch.setAttribute("class", "swatch");
          swatch.setAttribute("viewBox", "0 0 26 10");
          const line = document.createElementNS(svgNamespace, "path");
          line.setAttribute("class", curve.path.getAttribute("class"));
          line.setAttribute("d", "M1 5L25 5");
          swatch.append(line);
          const value = document.createElement("b");
          value.textContent = written(curve.values[nearest(curve.times, time)], chart.axis);
          const entry = document.createElement("div");
          entry.append(swatch, curve.name + " ", value);
          return entry;
        }

        function show(chart, event) {
          const time = timeAt(chart, event.clientX);
          for (const other of charts) if (other.group === chart.group) moveCursor(other, time);
          const heading = document.createElement("div");
          heading.textContent = oneDigit.format(time) + " s";
          chart.readout.replaceChildren(heading, ...chart.curves.map(curve => row(chart, curve, time)));
          chart.readout.hidden = false;
          const figure = chart.readout.parentElement.getBoundingClientRect();
          const x = event.clientX - figure.left;
          const isRight = x > figure.width / 2;
          chart.readout.style.left = isRight ? "auto" : x + 14 + "px";
          chart.readout.style.right = isRight ? figure.width - x + 14 + "px" : "auto";
          chart.readout.style.top = event.clientY - figure.top + 14 + "px";
        }

        function hide(chart) {
          chart.readout.hidden = true;
          for (const other of charts) other.cursor.classList.remove("shown");
        }

        const charts = Array.from(document.querySelectorAll("svg.chart"), chart);
        for (const each of charts) {
          each.svg.addEventListener("pointermove", event => show(each, event));
          each.svg.addEventListener("pointerleave", () => hide(each));
        }
        // Paper has no folds.
        window.addEventListener("beforeprint", () => {
          for (const details of document.querySelectorAll("details")) details.open = true;
        });
        document.documentElement.dataset.script = "ready";
        """#
}
