import type { CallDescription, ContractDescription, TopicDescription } from './description.ts'
import { Html, html } from './html.ts'
import type { DocumentOptions } from './options.ts'
import { schemaView } from './schema-view.ts'
import { STYLE } from './style.ts'

/** Writes the page for people: one file without scripts. `documentUrl` is the address of the JSON, if there is one. */
export const pageOf = (
  contract: ContractDescription,
  { info = {}, servers = {} }: DocumentOptions,
  documentUrl: string | undefined,
): string => {
  const { title = 'API', version = '1.0.0', description } = info
  const { topics, calls, user } = contract
  const serverList = Object.entries(servers).map(([name, url]) => html`<li>${name} <code>${url}</code></li>`)
  const body = html`<header>
<h1>${title} <span class="version">${version}</span></h1>
${description === undefined ? undefined : html`<p class="lead">${description}</p>`}
${serverList.length > 0 ? html`<ul class="servers">${serverList}</ul>` : undefined}
${documentUrl === undefined ? undefined : html`<p><a href="${documentUrl}">AsyncAPI document (JSON)</a></p>`}
</header>
<nav aria-label="Contents">
${contents('Topics', 'topics', topics)}
${contents('Calls', 'calls', calls)}
<h2><a href="#frames">Frames</a></h2>
</nav>
<main>
<section id="topics">
<h2>Topics <span class="hint">the server sends</span></h2>
${topics.length > 0 ? topics.map(topicView) : html`<p class="empty">The contract has no topics.</p>`}
</section>
<section id="calls">
<h2>Calls <span class="hint">clients send</span></h2>
${calls.length > 0 ? calls.map(callView) : html`<p class="empty">The contract has no calls.</p>`}
</section>
<section id="frames">
<h2>Frames <span class="hint">how topics and calls travel</span></h2>
${FRAMES}
${user && schemaView(html`The user in <code>welcome</code>`, user)}
</section>
</main>`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Html(STYLE)}</style>
</head>
<body>
${body}
</body>
</html>
`.text
}

const FRAMES = html`<p>A client and the server exchange JSON objects: over WebSocket one in each text frame, over
server-sent events one in each event. The schemas on this page describe the field <code>payload</code>, and
<code>data</code> of errors. Ignore frames and fields that you do not know.</p>
<dl class="frames">
<dt>Subscribe to topics or patterns</dt><dd><code>{ "type": "subscribe", "id": 1, "topics": ["rooms/*"] }</code></dd>
<dt>A message of a topic</dt><dd><code>{ "topic": "…", "payload": … }</code></dd>
<dt>A call; the reply has its <code>id</code></dt><dd><code>{ "topic": "…", "payload": …, "id": 2 }</code></dd>
<dt>The reply</dt><dd><code>{ "type": "reply", "id": 2, "payload": … }</code></dd>
<dt>The reply of a call that failed</dt>
<dd><code>{ "type": "reply", "id": 2, "error": { "code": "…", "message": "…", "data": … } }</code></dd>
</dl>`

type Section = 'topics' | 'calls'

const anchor = (section: Section, pattern: string): string => `${section}/${pattern}`

const contents = (
  title: string,
  section: Section,
  entries: readonly { readonly pattern: string }[],
): Html | undefined => {
  if (entries.length === 0) return undefined
  const links = entries.map(({ pattern }) => {
    const href = `#${encodeURIComponent(anchor(section, pattern))}`
    return html`<li><a href="${href}">${pattern}</a></li>`
  })
  return html`<h2>${title}</h2><ul>${links}</ul>`
}

/** A pattern, with the segments that stand for others marked. */
const patternView = (pattern: string): Html => {
  const segments = pattern.split('/').map((segment, index) => {
    const text = segment === '*' || segment.startsWith(':') ? html`<b>${segment}</b>` : html`${segment}`
    // Long topics may break after a slash.
    return index === 0 ? text : html`/<wbr>${text}`
  })
  return html`<code class="pattern">${segments}</code>`
}

const article = (
  section: Section,
  { pattern, description }: TopicDescription | CallDescription,
  body: Html,
): Html => html`<article id="${anchor(section, pattern)}">
<h3>${patternView(pattern)}</h3>
${description === undefined ? undefined : html`<p>${description}</p>`}
${body}
</article>
`

const topicView = (topic: TopicDescription): Html =>
  article('topics', topic, schemaView(html`Payload`, topic.payload))

const callView = (call: CallDescription): Html => {
  const errors = call.errors.map(({ code, data }) => schemaView(html`Error <code>${code}</code>`, data))
  return article(
    'calls',
    call,
    html`${schemaView(html`Input`, call.input)}${schemaView(html`Output`, call.output)}${errors}`,
  )
}
