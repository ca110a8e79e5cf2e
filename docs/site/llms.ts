import { type IndexGroup, readIndex, readPage } from './pages.ts'

const SUMMARY =
  'Rookery is a realtime framework for TypeScript: a small core, plugins for transports (WebSocket, server-sent events, Socket.IO), clusters, authentication, rooms and history, and one typed client for the browser and Node.'

/** The list of the pages for language models, in the format of llmstxt.org. The links are relative to the file. */
export const llmsIndex = (groups: readonly IndexGroup[] = readIndex()): string => {
  const sections = groups.map(({ text, pages }) => {
    const links = pages.map(({ name, question }) => `- [${readPage(name).title}](${name}.md): ${question}`)
    return `## ${text}\n\n${links.join('\n')}\n`
  })
  return [
    `# Rookery\n\n> ${SUMMARY}\n`,
    'Read [For coding agents](skills.md) first. [llms-full.txt](llms-full.txt) has all pages in one file.\n',
    ...sections,
  ].join('\n')
}

/** All pages in one text, in the order of the index. Each begins with its file name. */
export const llmsFull = (groups: readonly IndexGroup[] = readIndex()): string => {
  const pages = groups.flatMap(({ pages }) => pages)
  return [
    `# Rookery\n\n> ${SUMMARY}\n`,
    ...pages.map(({ name }) => `<!-- ${name}.md -->\n\n${readPage(name).text}`),
  ].join('\n')
}
