export type { SchemaProblem } from './description.ts'
export { type AsyncApiDocument, createAsyncApiDocument, type DescribedContract } from './document.ts'
export type { ApiInfo, DocumentOptions } from './options.ts'
export { type AsyncApiOptions, asyncapi } from './plugin.ts'
