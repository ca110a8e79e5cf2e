/** The style sheet of the page. It fetches nothing. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --text: #1b1f24; --soft: #57606a; --line: #d8dee4; --back: #fff; --card: #f6f8fa; --accent: #0b61c4; --param: #9a3412;
  --warn: #7a4b00; --warn-back: #fff5d9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6edf3; --soft: #9aa6b2; --line: #30363d; --back: #0d1117; --card: #161b22; --accent: #6cb2ff; --param: #ffa76b;
    --warn: #f2cc60; --warn-back: #2b2310;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem; background: var(--back); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 15rem minmax(0, 1fr); gap: 0 3rem;
}
header { grid-column: 1 / -1; border-bottom: 1px solid var(--line); margin-bottom: 1.5rem; padding-bottom: .75rem; }
h1 { margin: 0 0 .5rem; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
.version { font-size: .9rem; font-weight: 500; color: var(--soft); border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .6rem; vertical-align: middle; }
.lead { white-space: pre-line; max-width: 45rem; }
header p, header ul { margin: .5rem 0; }
.servers { list-style: none; padding: 0; color: var(--soft); }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
code { font: .9em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
nav { position: sticky; top: 1.5rem; align-self: start; max-height: calc(100vh - 3rem); overflow-y: auto; font-size: .875rem; }
nav h2 { font-size: .8rem; letter-spacing: .02em; color: var(--soft); margin: 0 0 .25rem; }
nav ul { list-style: none; margin: 0 0 1.25rem; padding: 0; }
nav li a { display: block; padding: .2rem 0; color: inherit; text-decoration: none; overflow-wrap: anywhere; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .8125rem; }
nav a { color: inherit; text-decoration: none; }
nav a:hover { color: var(--accent); text-decoration: underline; }
main > section + section { margin-top: 3rem; }
main h2 { font-size: 1.35rem; margin: 0 0 .75rem; }
.hint { font-size: .875rem; font-weight: 400; color: var(--soft); margin-left: .25rem; }
article { border: 1px solid var(--line); border-radius: 8px; margin: 0 0 1.25rem; padding: 0 1.25rem 1rem; scroll-margin-top: 1rem; overflow: hidden; }
article:target { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
article h3 { margin: 0 -1.25rem 1rem; padding: .65rem 1.25rem; background: var(--card); border-bottom: 1px solid var(--line); font-size: 1rem; }
.pattern b { color: var(--param); }
h4 { margin: 1rem 0 .25rem; font-size: .9375rem; font-weight: 600; }
h4 > * { font-weight: 400; }
h4 .kind { margin-left: .35rem; }
article p { margin: .35rem 0; }
.frames { margin: 1rem 0 0; }
.frames dt { font-size: .875rem; color: var(--soft); }
.frames dd { margin: .1rem 0 .75rem; padding: .4rem .75rem; background: var(--card); border-radius: 6px; }
.fields { list-style: none; margin: .25rem 0 0; padding: 0 0 0 .9rem; border-left: 2px solid var(--line); }
.fields + .fields { margin-top: .75rem; }
.fields li { padding: .2rem 0; }
.name { font-weight: 600; }
.kind { color: var(--accent); }
.optional, .rule, .about { font-size: .8125rem; color: var(--soft); }
.optional { font-style: italic; }
.rule { background: var(--card); border-radius: 4px; padding: .05rem .4rem; overflow-wrap: anywhere; }
.about { display: block; }
summary { cursor: pointer; }
summary .about { padding-left: 1.1rem; }
.empty { color: var(--soft); }
.problem { color: var(--warn); background: var(--warn-back); border-radius: 6px; padding: .4rem .75rem; }
@media (max-width: 48rem) {
  body { display: block; padding: 1.25rem 1rem 3rem; }
  nav { position: static; max-height: none; margin-bottom: 2rem; }
  article { padding: 0 1rem 1rem; }
  article h3 { margin: 0 -1rem 1rem; padding: .65rem 1rem; }
}
@media print {
  body { display: block; }
  nav { display: none; }
  article { break-inside: avoid; }
}
`
