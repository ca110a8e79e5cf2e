const TOPICS = 1_000
const CALLS = 500
/** Topics and calls have one of these as their first segment. */
const AREAS = 50
/** Calls of `handle`, `publish`, `subscribe` and `call`, each. */
const SITES = 100

const list = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n')

const area = (index: number): string => `area${index % AREAS}`

const topics = list(
  TOPICS,
  (index) => `'${area(index)}/:id/topic${index}': z.object({ id: z.string(), n${index}: z.number() }),`,
)
const calls = list(
  CALLS,
  (index) => `'${area(index)}/call${index}': {
    input: z.object({ id: z.string(), n${index}: z.number() }),
    output: z.object({ done${index}: z.boolean() }),
    errors: { failed${index}: z.object({ why: z.string() }) },
  },`,
)
const definition = `{
  user: z.object({ id: z.string(), name: z.string(), role: z.enum(['guest', 'staff']) }),
  topics: { ${topics} },
  calls: { ${calls} },
}`

const handle = (site: number): string => {
  const call = (site * 5) % CALLS
  const topic = (site * 10) % TOPICS
  return `app.handle('${area(call)}/call${call}', async (ctx, { id, n${call} }) => {
    if (ctx.user.role === 'guest') throw ctx.error('failed${call}', { why: ctx.user.role })
    await ctx.publish(\`${area(topic)}/\${id}/topic${topic}\`, { id, n${topic}: n${call} })
    return { done${call}: true }
  })`
}

const publish = (site: number): string => {
  const topic = (site * 10 + 1) % TOPICS
  return `app.publish(\`${area(topic)}/\${id}/topic${topic}\`, { id, n${topic}: 1 })`
}

const subscribe = (site: number): string => {
  const topic = (site * 10 + 2) % TOPICS
  const pattern = [`\`${area(topic)}/\${id}/topic${topic}\``, `'${area(topic)}/:id/topic${topic}'`][site % 3]
  return pattern
    ? `client.subscribe(${pattern}, ({ n${topic} }, { params }) => [n${topic}, params])`
    : `client.subscribe('${area(topic)}/*', ({ id }, { topic }) => [id, topic])`
}

const call = (site: number): string => {
  const index = (site * 5 + 1) % CALLS
  return `client.call('${area(index)}/call${index}', { id, n${index}: 1 }).then(({ done${index} }) => done${index})`
}

/** The source text of an app with a large contract, by file name. `schemas.ts` has the schemas alone. */
export const largeContract = (): Readonly<Record<string, string>> => ({
  'schemas.ts': `
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { z } from 'zod'
type Call = { input?: StandardSchemaV1; output?: StandardSchemaV1; errors?: Record<string, StandardSchemaV1> }
export const schemas = ${definition} satisfies {
  user: StandardSchemaV1; topics: Record<string, StandardSchemaV1>; calls: Record<string, Call>
}`,
  'contract.ts': `
import { defineContract } from 'rookery/contract'
import { z } from 'zod'
export const contract = defineContract(${definition})`,
  'app.ts': `
import { createApp } from 'rookery'
import { createClient } from 'rookery/client'
import { contract } from './contract.ts'
const app = createApp({ contract })
const client = createClient<typeof contract>()
declare const id: string
${list(SITES, handle)}
${list(SITES, publish)}
${list(SITES, subscribe)}
${list(SITES, call)}`,
})
