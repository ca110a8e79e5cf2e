import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type DefaultTheme, defineConfig, type Plugin } from 'vitepress'
import { withMermaid } from 'vitepress-plugin-mermaid'
import { llmsFull, llmsIndex } from '../llms.ts'
import { pageNames, readPage, sidebarErrors } from '../pages.ts'
import { sidebar } from '../sidebar.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

const errors = sidebarErrors()
if (errors.length > 0) throw new Error(`docs/site/sidebar.ts is wrong:\n${errors.join('\n')}`)

const pageItems = (pages: readonly string[]): DefaultTheme.SidebarItem[] =>
  pages.map((name) => ({ text: readPage(name).title, link: `/${name}` }))

/** The pages of the API reference, in the order of the imports in `package.json`. */
const apiItems = (): DefaultTheme.SidebarItem[] =>
  [...readFileSync(path('../api/index.md'), 'utf8').matchAll(/^- \[(.*)\]\((.*)\.md\)$/gm)].map(
    ([, text = '', page]) => ({ text, link: `/api/${page}` }),
  )

/**
 * Vite looks for packages in the folder of the pages and above it. This resolves `vue`, which compiled pages import, from
 * here. On the server, Node finds it: the bundle is written into a folder below this one.
 */
const resolveFromHere: Plugin = {
  name: 'resolve-from-here',
  enforce: 'pre',
  resolveId(source, _importer, options) {
    if (!/^vue(\/|$)/.test(source)) return null
    return options.ssr
      ? { id: source, external: true }
      : this.resolve(source, path('config.ts'), { ...options, skipSelf: true })
  },
}

export default withMermaid(
  defineConfig({
    title: 'Rookery',
    description: 'A realtime framework for TypeScript',
    base: process.env.DOCS_BASE ?? '/',
    srcDir: '..',
    rewrites: {
      'README.md': 'all-pages.md',
      'site/home.md': 'index.md',
      'site/api/:page.md': 'api/:page.md',
    },
    head: [['link', { rel: 'icon', href: `${process.env.DOCS_BASE ?? '/'}icon.svg` }]],
    // Links to a server on the reader's machine. Every other dead link fails the build.
    ignoreDeadLinks: [/^https?:\/\/localhost/],
    markdown: { theme: { light: 'github-light', dark: 'github-dark' } },
    vite: {
      publicDir: path('../public'),
      plugins: [resolveFromHere],
      build: { chunkSizeWarningLimit: 3_000 },
    },
    themeConfig: {
      search: {
        provider: 'local',
        // The pages that explain come before the reference.
        options: {
          miniSearch: { searchOptions: { boostDocument: (id: string) => (id.includes('/api/') ? 0.3 : 1) } },
        },
      },
      outline: [2, 3],
      nav: [
        { text: 'Getting started', link: '/getting-started' },
        { text: 'All pages', link: '/all-pages' },
        { text: 'API', link: '/api/' },
      ],
      sidebar: [
        ...sidebar.map(({ text, pages }) => ({
          text,
          items:
            text === 'Reference'
              ? [...pageItems(pages), { text: 'API', link: '/api/', collapsed: true, items: apiItems() }]
              : pageItems(pages),
        })),
      ],
    },
    buildEnd({ outDir }) {
      writeFileSync(`${outDir}/llms.txt`, llmsIndex())
      writeFileSync(`${outDir}/llms-full.txt`, llmsFull())
      // The addresses in `llms.txt`.
      for (const name of pageNames()) copyFileSync(path(`../../${name}.md`), `${outDir}/${name}.md`)
    },
  }),
)
