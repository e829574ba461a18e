/** Style sheet of report.html. The plots use the Okabe–Ito palette, which color-blind people can distinguish. */
export const PAGE_STYLE = `
:root {
  --paper: #f7f5f0; --card: #fffefb; --ink: #1b2530; --muted: #56616d; --line: #dfdbd1; --grid: #e9e6de; --mark: #7a8590;
  --accent: #0b5d7a; --good: #00664f; --good-fill: #dcefe6; --bad: #a3330b; --bad-fill: #fbe5da; --warning: #7a5200; --warning-fill: #f8ecce;
  --plot-a: #0072b2; --plot-b: #c85200; --plot-c: #00805f;
  --plot-median: #00456e; --plot-high: #0072b2; --plot-higher: #4a9fd0; --plot-highest: #9cc8e3;
  --fill-a: #0072b233; --fill-high: #0072b259; --fill-higher: #4a9fd04d; --fill-highest: #9cc8e352;
  --heat: #0072b2; --held: #b5892a; --lag: #c85200; --service: #0072b2; --waited: #9db4c3;
}
@media screen and (prefers-color-scheme: dark) {
  :root:not([data-print]) {
    --paper: #10161c; --card: #172028; --ink: #e8ebee; --muted: #a3afba; --line: #2b3742; --grid: #243039; --mark: #8795a2;
    --accent: #7cc4e4; --good: #5fd3ac; --good-fill: #12352b; --bad: #ff9d73; --bad-fill: #43210f; --warning: #f0c05a; --warning-fill: #3a2e10;
    --plot-a: #56b4e9; --plot-b: #ff9457; --plot-c: #3ecf9f;
    --plot-median: #cfeafa; --plot-high: #8accf0; --plot-higher: #56a5d8; --plot-highest: #3a7299;
    --fill-a: #56b4e933; --fill-high: #8accf059; --fill-higher: #56a5d84d; --fill-highest: #3a729952;
    --heat: #56b4e9; --held: #e0b450; --lag: #ff9457; --service: #56b4e9; --waited: #5b7080;
  }
}
* { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main, footer { max-width: 1240px; margin: 0 auto; padding: 0 clamp(16px, 4vw, 40px); }
h1, h2, h3, p, dl, dd, ul, ol, figure, table { margin: 0; padding: 0; }
h1 { font: 600 clamp(1.7rem, 3.6vw, 2.5rem)/1.15 ui-serif, "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif; letter-spacing: -0.015em; max-width: 30ch; text-wrap: balance; }
h2 { font: 600 1.25rem/1.3 ui-serif, "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif; }
h3 { font-size: 1rem; line-height: 1.4; }
small { color: var(--muted); font-size: .82em; font-weight: 400; }
code { font: .9em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; } p code { white-space: nowrap; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 3px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 12px; top: 8px; background: var(--card); padding: 6px 12px; z-index: 9; }

header { padding: clamp(24px, 5vw, 56px) 0 clamp(20px, 3vw, 32px); }
.target { font-weight: 600; overflow-wrap: anywhere; }
.eyebrow { color: var(--muted); font-weight: 400; margin-right: .35em; }
.verdict { display: inline-block; margin: 12px 0; padding: 3px 12px; border-radius: 99px; font-weight: 600; font-size: .95rem; }
.good { color: var(--good); background: var(--good-fill); }
.bad { color: var(--bad); background: var(--bad-fill); }
.warning { color: var(--warning); background: var(--warning-fill); }
.run { margin-top: 12px; color: var(--muted); overflow-wrap: anywhere; }
.run strong { color: var(--ink); }
.notes { display: flex; flex-wrap: wrap; gap: 2px 24px; margin-top: 8px; } .notes div { display: flex; gap: 8px; min-width: 0; } .notes dt { color: var(--muted); } .notes dd { overflow-wrap: anywhere; min-width: 0; }
.notices { margin-top: 16px; padding: 10px 16px; list-style: none; color: var(--warning); background: var(--warning-fill); border-radius: 8px; overflow-wrap: anywhere; }
.thresholds { margin-top: 20px; }
.thresholds h2 { margin-bottom: 6px; }
.thresholds ul { display: grid; grid-template-columns: 5.5em fit-content(26em) 1fr; gap: 0 20px; list-style: none; font-size: .95rem; font-variant-numeric: tabular-nums; }
.thresholds li { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; align-items: baseline; padding: 4px 0; border-bottom: 1px solid var(--line); }
.thresholds li:last-child { border-bottom: 0; }
.thresholds .word { font-weight: 600; background: none; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 20px 24px; margin-top: clamp(20px, 3vw, 32px); padding-top: 20px; border-top: 1px solid var(--line); }
.figures dt { color: var(--muted); font-size: .88rem; }
.figures dd { white-space: nowrap; font-size: 1.7rem; line-height: 1.25; font-weight: 600; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; }
.figures .note { white-space: normal; font-size: .88rem; font-weight: 400; letter-spacing: 0; color: var(--muted); }

.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr)); gap: 20px; }
.cards > section, figure, .grid > .scroll { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; min-width: 0; }
.cards h2 { margin-bottom: 10px; }
.cards .verdict { margin: 0 6px 0 0; padding: 1px 10px; font-size: .88rem; } .cards p + .bars { margin-top: 12px; }
.cards p + p, .cards ul + p, .cards ol + p { margin-top: 8px; }
.cards p { overflow-wrap: anywhere; }
svg.stack { display: block; width: 100%; height: 18px; margin: 12px 0; border-radius: 4px; }
.parts { width: 100%; border-collapse: collapse; }
.parts th, .parts td { padding: 4px 0; font-weight: 400; text-align: left; vertical-align: top; }
.parts small { display: block; padding-left: 20px; line-height: 1.3; }
.parts td { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.part-held { fill: var(--held); background: var(--held); }
.part-startLag { fill: var(--lag); background: var(--lag); }
.part-service { fill: var(--service); background: var(--service); }
.part-waited { fill: var(--waited); background: var(--waited); }
.bars { list-style: none; display: grid; gap: 12px; }
.bars li { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 12px; }
.bars .name { overflow-wrap: anywhere; min-width: 0; }
.bars .amount { color: var(--muted); font-variant-numeric: tabular-nums; }
.bars strong { color: var(--ink); }
svg.bar { display: block; flex: 0 0 100%; width: 100%; height: 10px; margin-top: 4px; border-radius: 3px; }
.track { fill: var(--grid); } .share { fill: var(--plot-c); } .wanted { stroke: var(--ink); stroke-width: 2.5px; vector-effect: non-scaling-stroke; }
.grid > figure.shares { display: block; grid-column: 1 / -1; }
.shares ul { list-style: none; display: grid; gap: 12px; }
.shares .cohort { margin: 12px 0 8px; font-weight: 600; font-size: .92rem; overflow-wrap: anywhere; } .shares .cohort::first-letter { text-transform: uppercase; }
.shares li { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 12px; font-size: .92rem; font-variant-numeric: tabular-nums; }
.shares .name { overflow-wrap: anywhere; min-width: 0; } .shares .amount, .shares .why { color: var(--muted); } .shares .amount { margin-left: auto; } .shares strong { color: var(--ink); }
.shares .word { font-weight: 600; background: none; white-space: nowrap; }
svg.interval { display: block; flex: 0 0 100%; width: 100%; height: 22px; margin-top: 4px; border-radius: 3px; background: none; }
svg.interval line { stroke: currentColor; stroke-width: 2.5px; } svg.interval circle { fill: currentColor; stroke: var(--card); stroke-width: 1.5px; }
svg.interval line.wanted { stroke: var(--ink); stroke-width: 1px; } .tolerance { fill: var(--mark); fill-opacity: .35; }
svg.axis { display: block; width: 100%; height: 18px; overflow: visible; } svg.axis text { fill: var(--muted); font-size: 12px; font-variant-numeric: tabular-nums; }
.key.dot { width: 10px; height: 10px; border: 0; border-radius: 50%; background: var(--ink); vertical-align: -.05em; } .key-interval { border-color: var(--ink); } .bar.key-tolerance { background: var(--mark); opacity: .45; }
.errors { list-style: none; display: grid; gap: 12px; }
.errors li { border-left: 3px solid var(--bad); padding-left: 12px; }
.errors .remedy { margin-top: 4px; padding-left: 1.4em; text-indent: -1.4em; }
.errors .remedy::before { content: "→"; display: inline-block; width: 1.4em; text-indent: 0; color: var(--muted); }

.part > .figures { margin: 0 0 20px; padding-top: 0; border-top: 0; } .part > .notices { margin: 0 0 20px; } .cards h3 { margin-bottom: 10px; }
.part { padding-top: clamp(32px, 5vw, 56px); }
.part > h2 { font-size: 1.6rem; margin-bottom: 16px; }
.grid { display: flex; flex-wrap: wrap; gap: 20px; } .grid > * { flex: 1 1 min(100%, 480px); }
.grid > figure { display: flex; flex-direction: column; } .grid > figure > .plot { margin-top: auto; } .grid > figure > .legend { margin-bottom: auto; }
.grid > .scroll:has(.words, .wide), .grid > .aside { flex-basis: 100%; } .aside { color: var(--muted); font-size: .92rem; }
.part > .aside { margin: -8px 0 16px; }
figcaption p { color: var(--muted); font-size: .92rem; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 10px 0 8px; font-size: .88rem; min-height: 1.5em; }
.entry { white-space: nowrap; }
/* Room for the values, so that the page stays where it is when they appear. */
output { display: inline-block; min-width: 4.8em; font-weight: 600; font-variant-numeric: tabular-nums; }
output[name=cell] { min-width: min(14em, 100%); } .entry.cells { white-space: normal; min-width: 0; } output[name=place] { min-width: 6.5em; text-align: right; }
.place { color: var(--muted); margin-left: auto; } .place:has(output:empty) { visibility: hidden; }
.key { display: inline-block; width: 14px; height: 0; border-top: 3px solid; margin-right: 6px; vertical-align: .28em; }
.key.dashed { border-top-style: dotted; }
.key.bars, .key.bar { height: 10px; border: 0; width: 12px; vertical-align: -.05em; border-radius: 2px; }
.key.steps { border-top-width: 3px; }
.scale { display: inline-block; width: 48px; height: 10px; margin-right: 6px; vertical-align: -.05em; border-radius: 2px; background: linear-gradient(90deg, transparent, var(--heat)); border: 1px solid var(--line); }
.reset { position: fixed; right: 20px; bottom: 20px; z-index: 8; padding: 8px 16px; border: 1px solid var(--accent); border-radius: 99px; color: var(--accent); background: var(--card); font: inherit; font-size: .92rem; cursor: pointer; } .reset[hidden] { display: none; }
.u-select { background: var(--fill-a) !important; }
.key-a { border-color: var(--plot-a); } .key-b { border-color: var(--plot-b); } .key-c { border-color: var(--plot-c); }
.key-median { border-color: var(--plot-median); } .key-high { border-color: var(--plot-high); }
.key-higher { border-color: var(--plot-higher); } .key-highest { border-color: var(--plot-highest); }
.bars.key-b { background: var(--plot-b); }
.plot { min-height: 200px; margin: 0 -6px; overflow: hidden; }
.u-cursor-x { border-color: var(--mark) !important; }
details { margin-top: 8px; }
summary { cursor: pointer; color: var(--accent); font-size: .88rem; width: fit-content; }
.scroll { overflow: auto; }
details .scroll { max-height: 340px; margin-top: 8px; }
.scroll table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { position: sticky; left: 0; max-width: calc(100vw - 64px); text-align: left; font-weight: 600; font-size: 1rem; padding-bottom: 8px; } caption small { display: block; }
.scroll th, .scroll td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--grid); text-align: left; vertical-align: top; font-weight: 400; }
.scroll tbody tr:last-child > * { border-bottom: 0; }
.scroll thead th { color: var(--muted); font-size: .84rem; white-space: nowrap; }
.numbers td, .numbers thead th:not(:first-child) { text-align: right; padding: 6px 0 6px 14px; white-space: nowrap; }
.numbers.wide tbody th { min-width: 13em; }
.words th { white-space: nowrap; } .words td { min-width: 7.5em; overflow-wrap: anywhere; }
footer { margin-top: 48px; padding-top: 20px; padding-bottom: 48px; color: var(--muted); font-size: .88rem; }
@media (max-width: 520px) {
  .cards > section, figure, .grid > .scroll { padding: 14px; border-radius: 10px; }
  .figures { grid-template-columns: 1fr 1fr; }
  .numbers.wide tbody th { min-width: 8em; position: sticky; left: 0; background: var(--card); } .numbers.wide small { display: block; }
  .thresholds ul { grid-template-columns: 5.2em 1fr; gap: 0 12px; } .thresholds li > :last-child { grid-column: 2; }
  .scroll th, .scroll thead th, .scroll td { padding-right: 8px; } .numbers td, .numbers thead th:not(:first-child) { padding-left: 8px; }
  .scroll .words { font-size: .78rem; } .scroll .words thead th { font-size: .7rem; } .scroll .words th, .scroll .words td { padding-right: 5px; }
  .words th, .words thead th { white-space: normal; } .words th code { overflow-wrap: normal; } .words td { min-width: 0; overflow-wrap: break-word; }
  .figures dd { font-size: 1.4rem; } .figures .note { font-size: .84rem; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  @page { margin: 14mm; }
  html { color-scheme: light; }
  body { background: #fff; font-size: 11pt; }
  .figures { grid-template-columns: repeat(4, auto); gap: 12px; } .figures dd { font-size: 1.2rem; } .figures .note { font-size: .84rem; }
  .cards { grid-template-columns: 1fr 1fr; } .cards > :last-child { grid-column: 1 / -1; }
  main, footer { max-width: none; padding: 0; }
  .cards > section, figure, .grid > .scroll, tr, li { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  .grid { display: block; } .grid > * + * { margin-top: 14px; }
  details, .skip, .reset { display: none; }
  .scroll { overflow: visible; max-height: none; } .words th { white-space: normal; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
