import { expect } from 'vitest'
import { delivery } from './requirements/delivery.ts'
import { protocol } from './requirements/protocol.ts'

/** Pages of promises. In them, every list item is a promise. */
const PAGES = { 'docs/protocol.md': protocol, 'docs/delivery.md': delivery } as const

export type RequirementId = keyof typeof protocol | keyof typeof delivery

export interface Requirement {
  readonly id: string
  /** Path of the page that makes the promise. */
  readonly page: string
  /** A list item of the page, word for word. */
  readonly promise: string
}

export const REQUIREMENTS: readonly Requirement[] = Object.entries(PAGES).flatMap(([page, promises]) =>
  Object.entries(promises).map(([id, promise]) => ({ id, page, promise })),
)

/** Sections of the pages whose list items are no promises. */
export const NO_PROMISES: readonly { readonly page: string; readonly heading: string }[] = [
  { page: 'docs/delivery.md', heading: 'What Rookery does not promise' },
]

/** List items that no test of this repository can verify, with the reason. */
export const UNVERIFIED: Partial<Record<RequirementId, string>> = {
  'protocol.client-frame.id-once': 'A rule for clients. The server does not remember ids.',
  'protocol.server-frame.session-secret': 'A rule for clients.',
  'protocol.versions.within': 'A rule for later releases.',
  'protocol.versions.new-path': 'A rule for later versions of the protocol.',
}

/**
 * Says inside a test which promises the test verifies. `test/package/requirements.test.ts` fails for a promise that no
 * test verifies.
 *
 * @throws outside a test
 * @example it('…', async () => { verifies('protocol.connect.welcome') … })
 */
export const verifies = (...ids: readonly [RequirementId, ...RequirementId[]]): void => {
  if (!expect.getState().currentTestName) throw new Error(`verifies('${ids[0]}') is not inside a test`)
}
