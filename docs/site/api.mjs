// Writes the API reference into `docs/site/api`: one page for each import of the package, from the docstrings.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Application } from 'typedoc'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))

const { exports } = JSON.parse(readFileSync(path('../../package.json'), 'utf8'))
/** Folders of the source files, such as `plugins/auth`, with the names of their imports, such as `rookery/auth`. */
const imports = new Map(
  Object.entries(exports)
    .filter(([subpath]) => subpath !== './package.json')
    .map(([subpath, { default: file }]) => [
      file.replace('./dist/', '').replace('/index.js', ''),
      `rookery${subpath.slice(1)}`,
    ]),
)

const app = await Application.bootstrapWithPlugins({
  plugin: ['typedoc-plugin-markdown', 'typedoc-plugin-missing-exports'],
  entryPoints: [...imports.keys()].map((folder) => path(`../../${folder}/index.ts`)),
  basePath: path('../..'),
  tsconfig: path('tsconfig.json'),
  out: path('api'),
  excludeInternal: true,
  excludeExternals: true,
  disableSources: true,
  readme: 'none',
  router: 'module',
  flattenOutputFiles: true,
  sortEntryPoints: false,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  tableColumnSettings: { hideModifiers: true },
  groupOrder: ['Functions', 'Variables', 'Classes', 'Interfaces', 'Type Aliases', '*', 'Modules'],
  sanitizeComments: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  entryFileName: 'index',
  internalModule: 'Types without an export',
  logLevel: 'Warn',
})
const project = await app.convert()
if (!project) process.exit(1)
for (const module of project.children ?? []) module.name = imports.get(module.name) ?? module.name
app.validate(project)
await app.generateOutputs(project)
if (app.logger.hasErrors()) process.exit(1)
