/** Every declared route, in the one array that everything else reads. */
import type { NamedRoute, Route } from '../http/route.ts'
import {
  deleteApiKey,
  listApiKeys,
  patchApiKey,
  createApiKey,
  readApiKey,
  readApiKeyUsage,
  rotateApiKey,
} from './api-keys.ts'
import { listAudit, listElevations } from './audit.ts'
import {
  putUserBadge,
  createBadgeAssignments,
  listUserBadges,
  deleteUserBadge,
} from './badge-assignments.ts'
import {
  listBadgeRules,
  patchBadgeRule,
  createBadgeRule,
  previewBadgeRule,
  readBadgeRule,
  deleteBadgeRule,
} from './badge-rules.ts'
import { listBadges, patchBadge, createBadge, readBadge, deleteBadge } from './badges.ts'
import {
  cancelBooking,
  confirmBooking,
  declineBooking,
  listBookings,
  listMyBookings,
  createBooking,
  deleteBookingContact,
  readBooking,
  readBookingCalendar,
} from './bookings.ts'
import { explain } from './explain.ts'
import { deleteIdentity, listIdentities, createIdentity } from './identities.ts'
import { listJobRuns, listJobs, createJobRun } from './jobs.ts'
import {
  deleteMe,
  readMe,
  readMyProgress,
  readMyVisits,
  createMyVisit,
  fillMyProfile,
  patchMe,
} from './me.ts'
import { exportMe, exportUser } from './member-export.ts'
import {
  createPageRule,
  deletePageRule,
  listPageRules,
  patchPageRule,
  readPageRule,
} from './page-rules.ts'
import { readPermissions } from './permissions.ts'
import { listRoles, putRoleDefinition, deleteRoleDefinition } from './role-definitions.ts'
import { deleteUserRole, putUserRole } from './roles.ts'
import {
  listServices,
  listSlots,
  patchService,
  createService,
  createSlots,
  readService,
  deleteService,
  deleteSlot,
} from './services.ts'
import { listUsers, readUser, reinstateUser, deleteUser, suspendUser, patchUser } from './users.ts'
import { claimMyBookings, createVisitor } from './visitors.ts'
import { readUserVisits } from './visits.ts'
import { readWhoami } from './whoami.ts'

/** The names are those of the operations in the OpenAPI document. */
const declared = {
  readWhoami,
  createVisitor,
  readMe,
  patchMe,
  deleteMe,
  exportMe,
  fillMyProfile,
  createMyVisit,
  readMyVisits,
  readMyProgress,
  listIdentities,
  createIdentity,
  deleteIdentity,
  listUsers,
  readUser,
  patchUser,
  deleteUser,
  exportUser,
  suspendUser,
  reinstateUser,
  readUserVisits,
  listRoles,
  putRoleDefinition,
  deleteRoleDefinition,
  putUserRole,
  deleteUserRole,
  listBadges,
  readBadge,
  createBadge,
  patchBadge,
  deleteBadge,
  listUserBadges,
  putUserBadge,
  deleteUserBadge,
  createBadgeAssignments,
  listBadgeRules,
  readBadgeRule,
  createBadgeRule,
  patchBadgeRule,
  deleteBadgeRule,
  previewBadgeRule,
  listServices,
  readService,
  createService,
  patchService,
  deleteService,
  listSlots,
  createSlots,
  deleteSlot,
  createBooking,
  listMyBookings,
  claimMyBookings,
  listBookings,
  readBookingCalendar,
  readBooking,
  deleteBookingContact,
  confirmBooking,
  declineBooking,
  cancelBooking,
  listApiKeys,
  readApiKey,
  createApiKey,
  patchApiKey,
  deleteApiKey,
  rotateApiKey,
  readApiKeyUsage,
  listPageRules,
  readPageRule,
  createPageRule,
  patchPageRule,
  deletePageRule,
  listAudit,
  listElevations,
  readPermissions: readPermissions(() => routes),
  explain,
  listJobs,
  listJobRuns,
  createJobRun,
}

export const routes: readonly NamedRoute[] = Object.entries<Route>(declared).map(
  ([name, declaration]) => ({ ...declaration, name }),
)

/** The types of all declarations, for the typed client. */
export type DeclaredRoutes = readonly (typeof declared)[keyof typeof declared][]
