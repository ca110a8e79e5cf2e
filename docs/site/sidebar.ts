/**
 * The groups of the sidebar, in order. A page is named by its file in `docs/` without `.md`. Its title is its first
 * heading. `docs/README.md` lists the same pages in the same order.
 */
// biome-ignore format: one page on a line
export const sidebar: readonly { readonly text: string; readonly pages: readonly string[] }[] = [
  {
    text: 'Start',
    pages: [
      'getting-started',
      'concepts',
    ],
  },
  {
    text: 'Guides',
    pages: [
      'contract',
      'typescript',
      'client',
      'react',
      'rooms',
      'history',
      'auth',
      'testing',
      'sse',
      'plugins',
    ],
  },
  {
    text: 'Recipes',
    pages: [
      'http',
      'socketio',
      'asyncapi',
      'custom-transport',
      'custom-cluster',
    ],
  },
  {
    text: 'Operations',
    pages: [
      'security',
      'overload',
      'clustering',
      'proxies',
      'benchmarks',
    ],
  },
  {
    text: 'Reference',
    pages: [
      'delivery',
      'protocol',
      'errors',
      'architecture',
      'skills',
    ],
  },
]
