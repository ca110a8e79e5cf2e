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
      'faq',
      'comparison',
      'migrating-from-socketio',
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
      'frameworks',
      'vite',
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
      'publishing-from-backends',
      'custom-transport',
      'custom-cluster',
    ],
  },
  {
    text: 'Operations',
    pages: [
      'security',
      'security-checklist',
      'overload',
      'clustering',
      'deployment',
      'scaling',
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
      'troubleshooting',
      'runtimes',
      'architecture',
      'skills',
    ],
  },
]
