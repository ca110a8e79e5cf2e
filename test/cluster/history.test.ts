import { jetstreamManager } from '@nats-io/jetstream'
import type { MessageFrame, ReplayedFrame, ServerFrame } from 'rookery'
import { describe, expect, it } from 'vitest'
import { history } from '../../plugins/history/index.ts'
