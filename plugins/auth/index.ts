export type { AuthOptions, JwtOptions } from './options.ts'
export { auth } from './plugin.ts'
export type { ActionRules, Params, Rule, RuleContext, Rules } from './rule-set.ts'
export type { Authorize, AuthorizeContext } from './session-authorizer.ts'
export {
  Auth,
  type Claims,
  type Revoked,
  type RevokeOptions,
  type RevokeTarget,
  type VerifiedToken,
} from './tokens.ts'
