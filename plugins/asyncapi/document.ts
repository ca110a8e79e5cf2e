import type { Contract, JsonSchema } from '../../core/contract/contract.ts'
import { checkOptions } from '../../core/util/options.ts'
import { type ContractDescription, describeContract, type SchemaProblem } from './description.ts'
import { DocumentParts } from './document-parts.ts'
import { checkInfo, type DocumentOptions, documentChecks, serverObjects } from './options.ts'

/** A document of AsyncAPI 3.0. */
export interface AsyncApiDocument {
  readonly asyncapi: '3.0.0'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly defaultContentType: 'application/json'
  readonly servers?: Readonly<Record<string, object>>
  readonly channels: Readonly<Record<string, object>>
  readonly operations: Readonly<Record<string, object>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
  /** The hash of the contract. */
  readonly 'x-rookery-contract': string
}

/** A document, and what it could not describe. */
export interface DescribedContract {
  readonly document: AsyncApiDocument
  /** Schemas of the contract that have no JSON schema. In the document, any value is valid for them. */
  readonly problems: readonly SchemaProblem[]
}

/**
 * Describes a contract as a document of AsyncAPI 3.0. Has no side effects.
 *
 * @throws `invalid_option`
 * @example
 * const { document, problems } = createAsyncApiDocument(contract, { info: { title: 'Chat', version: '1.2.0' } })
 * writeFileSync('asyncapi.json', JSON.stringify(document, null, 2))
 */
export const createAsyncApiDocument = (
  contract: Contract,
  options: DocumentOptions = {},
): DescribedContract => {
  checkOptions('createAsyncApiDocument()', options, documentChecks)
  checkInfo('createAsyncApiDocument()', options.info)
  const description = describeContract(contract)
  return { document: documentOf(description, options), problems: description.problems }
}

const FRAMES =
  'Each frame is one JSON object: over WebSocket in a text frame, over server-sent events in `data`. Payloads here are ' +
  'whole frames; the application’s part is in their field `payload`. Subscribe to a topic to get its messages. ' +
  'A call gets one reply, with the same `id`. Ignore frames and fields that you do not know. Over Socket.IO, the ' +
  'event name is the topic, its argument is the payload, and the acknowledgement is the reply.'

/** Writes a description as a document of AsyncAPI. */
export const documentOf = (
  contract: ContractDescription,
  { info = {}, servers }: DocumentOptions,
): AsyncApiDocument => {
  const { title = 'API', version = '1.0.0', description } = info
  const parts = new DocumentParts()
  parts.addConnection(contract.user)
  for (const topic of contract.topics) parts.addTopic(topic)
  for (const call of contract.calls) parts.addCall(call)
  return {
    asyncapi: '3.0.0',
    info: { title, version, description: description === undefined ? FRAMES : `${description}\n\n${FRAMES}` },
    defaultContentType: 'application/json',
    ...(servers && { servers: serverObjects(servers) }),
    channels: parts.channels,
    operations: parts.operations,
    components: { schemas: parts.schemas },
    'x-rookery-contract': contract.hash,
  }
}
