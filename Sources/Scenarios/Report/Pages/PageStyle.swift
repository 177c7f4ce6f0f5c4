/// How the pages look: on screens wide and narrow, in light and dark, and on paper.
enum PageStyle {
    static let css = [colours, text, tables, charts, paper].joined(separator: "\n")

    /// Lines differ in lightness as well as in hue, so that the colour-blind can tell them apart, and from the fourth on
    /// in their dashes too.
    private static let colours = """
        :root {
          --page: #f6f7f9; --card: #fff; --ink: #1a2027; --soft: #56606c; --rule: #dfe3e8; --grid: #e6e9ed;
          --good: #0b6b46; --good-back: #e0f3ea; --bad: #a11d12; --bad-back: #fde7e3; --fault: #b4541a; --band: #f4b78a59;
          --c0: #0b4fd0; --c1: #159a6c; --c2: #a82a17; --c3: #6a2278; --c4: #a38a00; --c5: #6d85ee; --c6: #1a2027;
        }
        @media screen and (prefers-color-scheme: dark) {
          :root {
            --page: #0f1216; --card: #171b21; --ink: #e8ebef; --soft: #a3adb8; --rule: #2d343d; --grid: #272d35;
            --good: #6fdcae; --good-back: #12372a; --bad: #ff9d8a; --bad-back: #43201b; --fault: #f0a56e;
            --band: #c96a2447;
            --c0: #5b9dff; --c1: #4fd0a0; --c2: #ff7a4d; --c3: #c45cf0; --c4: #f5e08a; --c5: #b5e8ff; --c6: #8f8f96;
          }
        }
        """

    private static let text = """
        * { box-sizing: border-box; }
        html { background: var(--page); color: var(--ink); -webkit-text-size-adjust: 100%; }
        body { margin: 0; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
        main { max-width: 1240px; margin: 0 auto; padding: 40px 28px 64px; }
        header { max-width: 780px; }
        h1 { font-size: 34px; line-height: 1.15; letter-spacing: -0.015em; margin: 0 0 14px; overflow-wrap: anywhere; }
        h2 { font-size: 21px; line-height: 1.25; margin: 44px 0 14px; }
        h2.part { font-size: 26px; margin-top: 64px; padding-top: 22px; border-top: 2px solid var(--ink); }
        h3 { font-size: 17px; line-height: 1.3; margin: 30px 0 10px; }
        p { margin: 0 0 12px; }
        a { color: inherit; }
        .kicker { color: var(--soft); font-size: 14px; margin-bottom: 6px; }
        .lede { font-size: 19px; line-height: 1.4; }
        .story { max-width: 780px; }
        .muted { color: var(--soft); font-weight: normal; }
        .badge { display: inline-block; font-weight: 650; border-radius: 6px; padding: 3px 12px; margin-right: 6px; }
        .mark { display: inline-block; white-space: nowrap; font-weight: 600; font-size: 14px; border-radius: 4px; padding: 1px 8px; }
        .passed { color: var(--good); background: var(--good-back); }
        .failed { color: var(--bad); background: var(--bad-back); }
        .neutral { color: var(--ink); background: var(--rule); }
        .mark.passed::before { content: "✓ "; }
        .mark.failed::before { content: "✗ "; }
        pre { font: 13px/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; overflow-x: auto; margin: 0;
          padding: 14px 16px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
        .command { white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; margin-bottom: 16px; }
        details { margin-bottom: 8px; }
        summary { cursor: pointer; padding: 4px 0; overflow-wrap: anywhere; }
        .violations { margin: 0; padding-left: 20px; color: var(--bad); }
        .violations li { margin-bottom: 6px; overflow-wrap: anywhere; }
        """

    private static let tables = """
        .figures { display: grid; grid-template-columns: repeat(6, 1fr); gap: 1px; margin: 0;
          background: var(--rule); border: 1px solid var(--rule); border-radius: 8px; overflow: hidden; }
        .figures div { background: var(--card); padding: 12px 16px 10px; }
        .figures dt { color: var(--soft); font-size: 14px; line-height: 1.3; }
        .figures dd { margin: 2px 0 0; font-size: 24px; line-height: 1.25; font-weight: 600;
          font-variant-numeric: tabular-nums; }
        .figures .alarming dd, td.alarming { color: var(--bad); font-weight: 650; }
        .facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 24px; margin: 0; }
        .facts div { display: contents; }
        .facts dt { color: var(--soft); }
        .facts dd { margin: 0; overflow-wrap: anywhere; }
        .scroller { overflow-x: auto; }
        .scroller + p, .charts + p { margin-top: 12px; }
        table { border-collapse: collapse; font-size: 15px; line-height: 1.4; background: var(--card);
          min-width: min(100%, 640px); border: 1px solid var(--rule); }
        th, td { text-align: left; vertical-align: top; padding: 8px 14px; font-weight: normal; }
        tbody tr, tbody + tbody { border-top: 1px solid var(--rule); }
        thead th { color: var(--soft); font-size: 14px; vertical-align: bottom; }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .outcome thead th { text-align: right; color: var(--ink); font-weight: 650; }
        .outcome .verdict { margin: 0; white-space: normal; }
        .outcome .verdict span + span { display: block; color: var(--soft); font-size: 14px; }
        .outcome .badge { margin: 0; }
        .orders, .seed { font: 13px/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
        tr.more { border: 0; }
        .runs .more { color: var(--bad); }
        tr.more td { padding-top: 0; }
        .numbers { font-size: 14px; width: 100%; }
        .runs { width: 100%; }
        .numbers th, .numbers td { padding: 4px 12px; }
        """

    private static let charts = """
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 20px; }
        figure { position: relative; margin: 0; padding: 14px 16px 10px; background: var(--card); min-width: 0;
          border: 1px solid var(--rule); border-radius: 8px; display: flex; flex-direction: column; }
        figcaption { font-weight: 650; }
        figcaption .muted { font-size: 14px; margin-left: 4px; }
        .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 2px 0 6px; padding: 0;
          font-size: 14px; }
        .legend li { white-space: nowrap; }
        .legend b, .readout b { font-weight: 600; font-variant-numeric: tabular-nums; }
        .swatch { width: 26px; height: 10px; margin-right: 6px; }
        figure .scroller { margin-top: auto; }
        svg.chart { display: block; width: 100%; min-width: 440px; height: auto; }
        svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
          fill: var(--soft); font-variant-numeric: tabular-nums; }
        svg .middle { text-anchor: middle; }
        svg .end { text-anchor: end; }
        svg .label { font-size: 11.5px; paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
        svg .label.fault { fill: var(--fault); }
        .grid { stroke: var(--grid); }
        .axis { stroke: var(--soft); }
        .band { fill: var(--band); }
        line.fault { stroke: var(--fault); stroke-dasharray: 2 2; }
        line.milestone, .leader { stroke: var(--soft); stroke-width: 0.75; stroke-dasharray: 1 2; }
        .cursor { stroke: var(--ink); stroke-width: 0.75; visibility: hidden; }
        .cursor.shown { visibility: visible; }
        .line { fill: none; stroke-width: 1.9; stroke-linejoin: round; stroke-linecap: butt; }
        .c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); }
        .c3 { stroke: var(--c3); stroke-dasharray: 7 3; } .c4 { stroke: var(--c4); stroke-dasharray: 2 2; }
        .c5 { stroke: var(--c5); stroke-dasharray: 9 3 2 3; } .c6 { stroke: var(--c6); stroke-dasharray: 4 3; }
        .dot { stroke-dasharray: none; stroke-width: 0; }
        .dot.c0 { fill: var(--c0); } .dot.c1 { fill: var(--c1); } .dot.c2 { fill: var(--c2); }
        .dot.c3 { fill: var(--c3); } .dot.c4 { fill: var(--c4); } .dot.c5 { fill: var(--c5); }
        .dot.c6 { fill: var(--c6); }
        .readout { position: absolute; z-index: 1; pointer-events: none; background: var(--card); color: var(--ink);
          border: 1px solid var(--soft); border-radius: 6px; padding: 6px 10px; font-size: 13px; white-space: nowrap; }
        """

    private static let paper = """
        @media (max-width: 1000px) { .figures { grid-template-columns: repeat(4, 1fr); } }
        @media (max-width: 600px) {
          main { padding: 24px 16px 48px; }
          h1 { font-size: 28px; }
          .figures { grid-template-columns: 1fr 1fr; }
          .facts { grid-template-columns: 1fr; gap: 0; }
          .facts dd { margin-bottom: 8px; }
          figure { padding: 12px 10px 8px; }
        }
        @page { size: A4; margin: 14mm; }
        @media print {
          :root { --page: #fff; --rule: #c9ced4; }
          body { font-size: 10.5pt; }
          main { max-width: none; padding: 0; }
          h1 { font-size: 22pt; } h2 { font-size: 14pt; margin: 20pt 0 8pt; } h2.part { break-before: page; }
          h1, h2, h3, summary { break-after: avoid; }
          figure, tr, dl.figures { break-inside: avoid; }
          .charts { display: block; }
          figure { margin-bottom: 10pt; }
          .figures { grid-template-columns: repeat(6, 1fr); }
          .figures div { padding: 8px 10px; } .figures dd { font-size: 15pt; } .figures dt { font-size: 9pt; }
          .scroller { overflow: visible; }
          svg.chart { min-width: 0; width: 84%; margin: 0 auto; }
          pre { white-space: pre-wrap; overflow-wrap: anywhere; }
          table { font-size: 9.5pt; } .numbers { font-size: 8pt; } .numbers th, .numbers td { padding: 2px 5px; }
          .badge, .mark, .band, .figures, .figures div { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          details::details-content { content-visibility: visible; block-size: auto; }
        }
        """
}
