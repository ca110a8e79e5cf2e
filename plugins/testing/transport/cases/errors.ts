import { expect } from 'vitest'
import { RookeryError } from '../../../../core/protocol/errors.ts'
import type { ClientFrame, ErrorFrame, ServerFrame } from '../../../../core/protocol/protocol.ts'
import type { TransportCase } from '../transport-case.ts'

const AS_WRITTEN = 'An error MUST arrive as it was written'

/** An error code of the application, which the framework does not know. */
const APPLICATION_CODE = 'sold_out'

const isError = (frame: ServerFrame): frame is ErrorFrame => frame.type === 'error'

export const errors: readonly TransportCase[] = [
  {
    name: 'a faulty frame with an id gets an error reply, and the session stays open',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      const wrong: [string, ClientFrame][] = [
        ['unknown_topic', { topic: 'nobody/home' }],
        ['invalid_topic', { topic: 'a b' }],
        ['reserved_topic', { topic: '$user/ada' }],
        ['invalid_pattern', { type: 'subscribe', topics: ['fine', 'a//b'] }],
        ['reserved_topic', { type: 'subscribe', topics: ['$user/ada'] }],
        ['bad_frame', { type: 'subscribe', topics: [] }],
        ['bad_frame', { type: 'unsubscribe', topics: [7 as never] }],
        ['forbidden', { type: 'auth', token: 'none wanted' }],
      ]
      for (const [code, frame] of wrong) {
        const reply = await peer.request(frame)
        expect(reply, AS_WRITTEN).toMatchObject({ error: { code, message: expect.any(String) } })
      }
      expect(await peer.call('echo', 'still here'), 'A faulty frame MUST NOT end the session').toBe(
        'still here',
      )
    },
  },
  {
    name: 'errors of handlers arrive with code, message, issues, data and retryable; internal errors arrive without details',
    async run(context) {
      const server = await context.start()
      const issues = [{ message: 'must be text', path: ['lines', 0, 'text'] }]
      const data = { waitMs: 250, next: [null, 'later'] }
      server.app.handle('fail', (_ctx, how) => {
        if (how === 'hidden') throw new Error('a secret')
        throw new RookeryError(APPLICATION_CODE, 'Nothing «left»', { issues, data, retryable: true })
      })
      const peer = await server.openSession()
      const refused = await peer.request({ topic: 'fail' })
      expect(refused.error, AS_WRITTEN).toEqual({
        code: APPLICATION_CODE,
        message: 'Nothing «left»',
        issues,
        data,
        retryable: true,
      })
      const hidden = await peer.request({ topic: 'fail', payload: 'hidden' })
      const expected = { code: 'internal', message: 'Internal error', id: expect.any(String) }
      expect(hidden.error, AS_WRITTEN).toEqual(expected)
    },
  },
  {
    name: 'a faulty frame without an id gets an error frame, and the session stays open',
    async run(context) {
      const server = await context.start()
      const peer = await server.openSession()
      await peer.send({ topic: 'nobody/home' })
      const { error } = await peer.untilFrame(
        'A faulty frame without an id MUST be answered with an error frame',
        isError,
      )
      expect(error, AS_WRITTEN).toMatchObject({ code: 'unknown_topic' })
      await peer.send({ type: 'subscribe', topics: ['a//b'] })
      await peer.call('echo')
      const codes = peer.frames.filter(isError).map((frame) => frame.error.code)
      expect(codes, AS_WRITTEN).toEqual(['unknown_topic', 'invalid_pattern'])
    },
  },
]
