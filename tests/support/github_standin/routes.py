"""Which call does what, and which of GitHub's models its body and its answer must fit."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import attestations, issues, pulls, releases, settings
from .answers import Answer, Request


@dataclass(frozen=True)
class Route:
    """One call below /repos/OWNER/NAME/. `answer` is None where there is no content."""

    method: str
    path: re.Pattern[str]
    handler: Callable[[Request], Answer]
    answer: str | None
    body: str | None = None


def _route(line: str, handler: Callable[[Request], Answer], answer: str | None = None,
           body: str | None = None) -> Route:
    method, path = line.split()
    numbers = r"\{(release|asset|issue|comment|ruleset|deployment|run)\}"
    pattern = re.sub(numbers, r"(?P<\1>\\d+)", path)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", pattern)
    return Route(method, re.compile(pattern), handler, answer, body and f"ReposOwnerRepo{body}")


ROUTES = (
    _route("GET releases", releases.listing, "list[Release]"),
    _route("POST releases", releases.create, "Release", "ReleasesPostBody"),
    _route("GET releases/latest", releases.latest, "Release"),
    _route("GET releases/tags/{tag}", releases.by_tag, "Release"),
    _route("GET releases/{release}", releases.get, "Release"),
    _route("PATCH releases/{release}", releases.change, "Release", "ReleasesReleaseIdPatchBody"),
    _route("DELETE releases/{release}", releases.delete),
    _route("GET releases/{release}/assets", releases.assets, "list[ReleaseAsset]"),
    _route("GET releases/assets/{asset}", releases.asset, "ReleaseAsset"),
    _route("DELETE releases/assets/{asset}", releases.delete_asset),
    _route("GET attestations/{digest}", attestations.listing,
           "ReposOwnerRepoAttestationsSubjectDigestGetResponse200"),
    _route("GET git/ref/tags/{tag}", settings.ref, "GitRef"),
    _route("GET rulesets", settings.rulesets, "list[RepositoryRuleset]"),
    _route("POST rulesets", settings.create_ruleset, "RepositoryRuleset", "RulesetsPostBody"),
    _route("GET rulesets/{ruleset}", settings.ruleset, "RepositoryRuleset"),
    _route("PUT rulesets/{ruleset}", settings.change_ruleset, "RepositoryRuleset",
           "RulesetsRulesetIdPutBody"),
    _route("GET rules/branches/{branch}", settings.branch_rules, "list[RepositoryRuleDetailed]"),
    _route("GET branches/{branch}/protection/required_status_checks", settings.required_checks,
           "StatusCheckPolicy"),
    _route("GET environments", settings.environments, "ReposOwnerRepoEnvironmentsGetResponse200"),
    _route("GET environments/{environment}", settings.environment, "Environment"),
    _route("PUT environments/{environment}", settings.put_environment, "Environment",
           "EnvironmentsEnvironmentNamePutBody"),
    _route("GET immutable-releases", settings.immutable, "CheckImmutableReleases"),
    _route("PUT immutable-releases", settings.set_immutable),
    _route("DELETE immutable-releases", settings.unset_immutable),
    _route("GET actions/variables", settings.variables,
           "ReposOwnerRepoActionsVariablesGetResponse200"),
    _route("GET actions/organization-variables", settings.shared_variables,
           "ReposOwnerRepoActionsOrganizationVariablesGetResponse200"),
    _route("GET actions/secrets", settings.secrets,
           "ReposOwnerRepoActionsSecretsGetResponse200"),
    _route("GET actions/organization-secrets", settings.shared_secrets,
           "ReposOwnerRepoActionsOrganizationSecretsGetResponse200"),
    _route("GET actions/permissions/workflow", settings.workflow_permissions,
           "ActionsGetDefaultWorkflowPermissions"),
    _route("GET actions/workflows", settings.workflows,
           "ReposOwnerRepoActionsWorkflowsGetResponse200"),
    _route("POST actions/workflows/{workflow}/dispatches", settings.dispatch, None,
           "ActionsWorkflowsWorkflowIdDispatchesPostBody"),
    _route("GET actions/runs/{run}", pulls.run, "WorkflowRun"),
    _route("GET pulls", pulls.listing, "list[PullRequestSimple]"),
    _route("POST pulls", pulls.create, "PullRequest", "PullsPostBody"),
    _route("GET deployments", settings.deployments, "list[Deployment]"),
    _route("POST deployments", settings.deploy, "Deployment", "DeploymentsPostBody"),
    _route("POST deployments/{deployment}/statuses", settings.add_status, "DeploymentStatus",
           "DeploymentsDeploymentIdStatusesPostBody"),
    _route("GET labels", issues.labels, "list[Label]"),
    _route("POST labels", issues.create_label, "Label", "LabelsPostBody"),
    _route("GET issues", issues.listing, "list[Issue]"),
    _route("POST issues", issues.create, "Issue", "IssuesPostBody"),
    _route("GET issues/{issue}", issues.get, "Issue"),
    _route("PATCH issues/{issue}", issues.change, "Issue", "IssuesIssueNumberPatchBody"),
    _route("GET issues/{issue}/comments", issues.comments, "list[IssueComment]"),
    _route("POST issues/{issue}/comments", issues.comment, "IssueComment",
           "IssuesIssueNumberCommentsPostBody"),
    _route("PATCH issues/comments/{comment}", issues.change_comment, "IssueComment",
           "IssuesCommentsCommentIdPatchBody"),
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the call that a method and path name, and the path's variable parts."""
    for route in ROUTES:
        match = route.path.fullmatch(path)
        if match and route.method == method:
            return route, match.groupdict()
    return None
