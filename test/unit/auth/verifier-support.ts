import { createApp } from 'rookery'
import { Auth, type AuthOptions, auth } from 'rookery/auth'
import { recordingLogger } from '../../support/app.ts'

export const verifierOf = (jwt: AuthOptions['jwt'], options: Omit<AuthOptions, 'jwt'> = {}) => {
  const logger = recordingLogger()
  const app = createApp({ logger, plugins: [auth({ jwt, ...options })] })
  const tokens = app.scope.get(Auth)
  const codeOf = async (token: string): Promise<string> =>
    await tokens.verify(token).then(
      () => 'ok',
      (error) => error.code,
    )
  return { tokens, codeOf, lines: logger.lines }
}
