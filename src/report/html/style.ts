/** @file The report's style sheet: one measure of width, one copper accent for the student, light, dark and on paper. */

export const style = `
:root {
  color-scheme: light dark;
  --paper: #fdfcfa; --ink: #22201d; --muted: #69645c; --hairline: #e5e0d7; --tint: #f7f2ea;
  --student: #a5471b; --teacher: #2b5a88; --twin: #55514a; --before: #716b62; --caution: #8a5a00;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, "Liberation Serif", serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #181715; --ink: #ece7de; --muted: #a39c91; --hairline: #37332e; --tint: #211f1c;
    --student: #ef9a68; --teacher: #8bb8e4; --twin: #c9c2b6; --before: #979085; --caution: #e3b35a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.6 var(--sans); font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
main, header, footer { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 3.5rem; }
section { margin-top: 4.5rem; }
h1 { font: 400 2.5rem/1.18 var(--serif); margin: .6rem 0 1.4rem; letter-spacing: -.01em; text-wrap: balance; }
h2 { font: 400 1.6rem/1.25 var(--serif); margin: 0 0 .4rem; }
h3 { font-size: .95rem; font-weight: 600; line-height: 1.4; margin: 0; }
h4 { font-size: .75rem; font-weight: 600; line-height: 1.4; margin: 0 0 .3rem; }
p { margin: 0 0 .8rem; }
small, .unit, .note, .origin, caption, .facts dt, .kicker, footer { color: var(--muted); font-size: .8125rem; line-height: 1.45; }
.kicker { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
.kicker b { color: var(--student); font-weight: 600; }
.lede { font-size: 1.125rem; line-height: 1.6; max-width: 44rem; }
.note { max-width: 44rem; margin-bottom: 1.6rem; font-size: .9rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1.2rem 2rem; margin: 2.6rem 0 0; }
.figures div { display: flex; flex-direction: column-reverse; justify-content: flex-end; border-top: 1px solid var(--hairline); padding-top: .8rem; }
.figures dd { margin: 0; font: 400 2rem/1.2 var(--serif); font-variant-numeric: tabular-nums; }
.figures dt { color: var(--muted); font-size: .8125rem; line-height: 1.45; }

.warnings { margin: 2.6rem 0 0; padding: .9rem 1.2rem .9rem 1.1rem; border-left: 3px solid var(--caution); background: var(--tint); font-size: .9rem; }
.warnings h2 { font: 600 .9rem/1.5 var(--sans); color: var(--caution); margin: 0 0 .2rem; }
.warnings ul { margin: 0; padding-left: 1.1rem; }
.warnings code { color: var(--muted); font-size: .75rem; }

table { width: 100%; border-collapse: collapse; table-layout: fixed; }
caption { text-align: left; padding-bottom: 1rem; font-size: .9rem; }
th, td { padding: .7rem .75rem; text-align: right; vertical-align: top; line-height: 1.4; border-top: 1px solid var(--hairline); }
thead th { border-top: 0; vertical-align: bottom; font-size: .9rem; }
tbody tr:last-child > * { border-bottom: 1px solid var(--hairline); }
th[scope=row], thead th:first-child { text-align: left; padding-left: 0; font-weight: 400; width: 26%; }
thead th, td { overflow-wrap: normal; }
thead small { overflow-wrap: anywhere; }
td small, th small { display: block; font-weight: 400; font-size: .75rem; }
.texts th:first-child { width: 20%; } .texts th:nth-child(2) { width: 14%; }
.texts td:last-child, .texts thead th:last-child { text-align: left; padding-left: 1.5rem; }
thead .teacher { color: var(--teacher); } thead .student-after { color: var(--student); }
thead .student-before { color: var(--before); } thead .twin { color: var(--twin); }
thead .teacher-without-context { color: var(--before); }
.answers { margin-top: 2.4rem; }
.answer { border-top: 1px solid var(--hairline); padding: 1.1rem 0 .6rem; }
.answer .asked { font-weight: 600; margin: 0; white-space: pre-wrap; }
.answer .sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .8rem 1.6rem; margin-top: .7rem; }
.answer .said p { font-size: .9rem; line-height: 1.5; white-space: pre-wrap; }
.answer .said { padding: 0 .7rem; }
.said.teacher h4 { color: var(--teacher); } .said.student-after h4 { color: var(--student); } .said.student-before h4 { color: var(--before); }
.student-after { background: var(--tint); }
td.student-after { font-weight: 600; }

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 2.6rem 3rem; margin-top: 1.8rem; }
table + .charts { margin-top: 3rem; } table + table { margin-top: 2rem; }
.chart { margin: 0; max-width: 30rem; touch-action: pan-y; }
.chart svg { display: block; width: 100%; height: auto; overflow: visible; pointer-events: none; margin-top: .5rem; }
.chart .unit { margin: 0; min-height: 1.45em; }
svg text { font: 11px var(--sans); fill: var(--ink); font-variant-numeric: tabular-nums; }
svg .tick { fill: var(--muted); font-size: 10.5px; }
svg .grid { stroke: var(--hairline); stroke-width: 1; }
svg .line { fill: none; stroke: var(--role); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .faint { stroke-width: 1; opacity: .35; }
svg .twin.line { stroke-width: 1.5; }
svg .level { stroke: var(--role); stroke-width: 1.25; stroke-dasharray: 2 4; stroke-linecap: round; }
svg .dot, svg .bin { fill: var(--role); }
svg .dot.student-before { fill: var(--paper); stroke: var(--role); stroke-width: 1.5; }
svg .interval { stroke: var(--role); stroke-width: 5; opacity: .32; stroke-linecap: round; }
svg .name { fill: var(--role); font-weight: 600; }
svg .value { fill: var(--ink); font-weight: 400; }
svg .pointer { stroke: var(--muted); stroke-width: 1; }
svg .teacher, .top.teacher { --role: var(--teacher); }
svg .student, svg .student-after, .top.student { --role: var(--student); }
svg .student-before { --role: var(--before); }
svg .twin { --role: var(--twin); }

.tokens { display: grid; gap: 2.4rem; margin-top: 1.8rem; }
.token { border-top: 1px solid var(--hairline); padding-top: 1.1rem; display: grid; gap: .3rem 3rem; }
.context { font: 1.0625rem/1.6 var(--serif); color: var(--muted); margin: 0; white-space: pre-wrap; max-width: 46rem; }
mark { background: none; color: var(--ink); font-weight: 700; border-bottom: 2px solid var(--student); padding: 0 1px; }
.origin { margin: 0 0 .5rem; }
.origin b { color: var(--ink); font-weight: 600; }
.tops { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: .9rem 3rem; }
.top h4 { color: var(--role); }
.top ol { list-style: none; margin: 0; padding: 0; font-size: .8125rem; }
.top li { display: grid; grid-template-columns: 8.5rem 1fr 3.6rem; gap: .7rem; align-items: center; line-height: 1.75; }
.top code { font-family: var(--mono); white-space: pre; overflow: hidden; text-overflow: ellipsis; }
.top .actual code { font-weight: 700; text-decoration: underline; text-decoration-color: var(--student); text-underline-offset: 3px; text-decoration-thickness: 2px; }
.bar { background: var(--tint); height: .5rem; border-radius: 2px; }
.bar i { display: block; height: 100%; background: var(--role); border-radius: 2px; }
.share { text-align: right; color: var(--muted); }

details { margin-top: 1.8rem; }
summary { cursor: pointer; color: var(--muted); font-size: .9rem; }
summary:hover, summary:focus-visible { color: var(--ink); }
pre { font: .8125rem/1.6 var(--mono); background: var(--tint); padding: 1.1rem 1.3rem; margin: 1rem 0 0; white-space: pre-wrap; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12rem), 1fr)); gap: 1.2rem 2rem; margin: 1.4rem 0 0; }
.facts dd, .reading dd { margin: 0; }
.reading { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.4rem 3rem; margin: 1.4rem 0 0; font-size: .9rem; }
.reading dt { font-weight: 600; }
footer { margin-top: 5rem; padding-bottom: 3.5rem; }

@media (max-width: 40rem) {
  header { padding-top: 2rem; }
  section { margin-top: 3.2rem; }
  h1 { font-size: 1.8rem; }
  .figures { grid-template-columns: 1fr 1fr; gap: 1.2rem; }
  .figures dd { font-size: 1.6rem; }
  th, td { padding: .6rem .25rem; font-size: .8125rem; }
  td small, th small { font-size: .6875rem; }
  thead th { font-size: .8125rem; }
  thead small { display: none; }
  th[scope=row], thead th:first-child { width: 25%; }
  .top li { grid-template-columns: 7rem 1fr 3.4rem; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --muted: #55514a; --hairline: #d5d0c7; --tint: #f6f2ec;
    --student: #a5471b; --teacher: #2b5a88; --twin: #55514a; --before: #716b62; --caution: #8a5a00;
  }
  body { font-size: 11pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main, header, footer { max-width: none; padding: 0; }
  section { margin-top: 2.2rem; }
  .chart, .token, tr, dl div { break-inside: avoid; }
  h2, .note { break-after: avoid; }
}
`;
