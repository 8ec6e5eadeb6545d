# Leverage, Cook's distance and deletion statistics of lme4 -> diagnostics.json
# Rscript diagnostics.R
source("models.R")
one <- function(name, group = NULL, rows = FALSE) {
  f <- fit(MODELS[[name]]); m <- f$m; k <- seq_len(min(40, nobs(m)))
  out <- list(hat = unname(hatvalues(m))[k], trace = sum(hatvalues(m)), cooks = unname(cooks.distance(m))[k])
  Z <- as.matrix(getME(m, "Z")); L <- as.matrix(getME(m, "Lambda"))
  out$fixed <- var(as.vector(getME(m, "X") %*% fixef(m))); out$random <- sum((Z %*% L)^2) * sigma(m)^2 / nobs(m)
  out$sigma <- sigma(m)
  del <- function(drop) { d <- f$data[drop, , drop = FALSE]; spec <- MODELS[[name]]
    call <- list(quote(lme4::lmer), as.formula(spec[[2]]), data = quote(d), REML = isREML(m), control = quote(TIGHT))
    if (!is.null(spec$weights)) call$weights <- as.name(spec$weights)
    a <- suppressMessages(suppressWarnings(eval(as.call(call)))); list(beta = unname(fixef(a)), se = unname(sqrt(diag(as.matrix(vcov(a))))), sigma = sigma(a)) }
  if (!is.null(group)) { g <- f$data[[group]]; out$group <- group; out$levels <- levels(g)
    out$deleted <- lapply(levels(g), function(l) del(g != l)) }
  if (rows) out$rows <- lapply(seq_len(12), function(i) del(-i))
  out
}
out <- list(sleepstudy = one("sleepstudy", "Subject", TRUE), sleepstudy_weights = one("sleepstudy_weights", "Subject", TRUE),
  penicillin = one("penicillin", "sample"), pastes = one("pastes", "batch"), machines = one("machines", "Worker"),
  cake = one("cake"), dyestuff = one("dyestuff", "Batch", TRUE), dyestuff2 = one("dyestuff2"))
d <- rd("sleepstudy"); m <- lm(Reaction ~ Days, more(d), weights = w)
out$lm <- list(hat = unname(hatvalues(m))[1:20], cooks = unname(cooks.distance(m))[1:20], dfbetas = unname(dfbetas(m))[1:20, ], sigma = unname(lm.influence(m)$sigma)[1:20])
writeLines(toJSON(out, digits = I(17), auto_unbox = TRUE), "diagnostics.json")
