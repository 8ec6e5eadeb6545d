# Generalised models by glmer and glmmTMB -> glmm.json.     Rscript glmm.R [names to renew]
#   default: glmer as users call it; tight: glmer by bobyqa to the last digit, then Newton steps;
#   at: glmer's own criterion (devFunOnly) at three parameters, so that criteria can be compared;
#   tmb: glmmTMB, after Newton steps with its gradient. theta in lme4's order, relative to sigma.
# glmer's criterion has no constants when nAGQ > 1: `constant` is what makes it -2 log-likelihood.
source("glmm_models.R")
quiet <- function(x) suppressMessages(suppressWarnings(x))
TIGHT <- function(o) glmerControl(optimizer = o, tolPwrss = 1e-13, calc.derivs = FALSE,
  optCtrl = if (o == "bobyqa") list(rhoend = 1e-9, maxfun = 1e5) else list(xtol_abs = 1e-10, ftol_abs = 1e-13, maxeval = 1e5))
family_of <- function(s) if (s[[3]] %in% c("binomial", "poisson")) do.call(s[[3]], list(link = s[[4]])) else s[[3]]
glmer_call <- function(s, data, ...) {
  args <- list(as.formula(s[[2]]), data = data, family = family_of(s), nAGQ = if (is.null(s$nagq)) 1L else s$nagq, ...)
  if (!is.null(s$weights)) args$weights <- as.name(s$weights)
  quiet(do.call(glmer, args))
}
# glmer's AGQ deviance is relative to the saturated model; the constant is minus twice that model's log-likelihood.
constant <- function(m, s) {
  if (is.null(s$nagq)) return(0)
  y <- m@resp$y; w <- m@resp$weights
  if (s[[3]] == "poisson") -2 * sum(w * dpois(y, y, log = TRUE)) else -2 * sum(dbinom(round(y * w), w, y, log = TRUE))
}
polish <- function(fn, x) {             # Newton steps by differences, while they help
  best <- fn(x)
  for (i in 1:4) {
    step <- tryCatch(solve(hessian(fn, x), grad(fn, x)), error = function(e) NULL)
    if (is.null(step)) break
    value <- quiet(tryCatch(fn(x - step), error = function(e) Inf)); if (is.na(value) || value > best - 1e-12) break
    x <- x - step; best <- value
  }
  list(par = x, value = best)
}
by_glmer <- function(s, data) {
  m <- glmer_call(s, data); k <- length(getME(m, "theta")); off <- constant(m, s)
  part <- function(x, value) list(theta = unname(x[1:k]), beta = unname(x[-(1:k)]), loglik = -(value + off) / 2)
  fn <- glmer_call(s, data, devFunOnly = TRUE, control = glmerControl(tolPwrss = 1e-13))
  x0 <- c(getME(m, "theta"), fixef(m))
  tries <- lapply(c("bobyqa", "nloptwrap"), function(o) glmer_call(s, data, control = TIGHT(o)))
  best <- tries[[which.max(sapply(tries, logLik))]]
  x <- c(getME(best, "theta"), fixef(best)); small <- any(abs(x[1:k][getME(best, "lower") == 0]) < 1e-4)
  p <- if (small) list(par = x, value = fn(x)) else polish(fn, x)
  shown <- quiet(update(m)) ; r <- ranef(best); se <- NULL
  if (!small) { H <- hessian(fn, p$par); se <- sqrt(diag(2 * solve(H)))[-(1:k)] }
  at <- lapply(list(x0, p$par, p$par * (1 + 0.05 * sin(seq_along(p$par))) + 0.02), function(z) part(z, fn(z)))
  list(default = c(part(x0, fn(x0)), list(logLik = as.numeric(logLik(m)))), tight = c(part(p$par, p$value), list(std_error = unname(se))), at = at,
       names = names(fixef(m)), names_theta = names(getME(m, "theta")), groups = as.list(ngrps(m)), n = nobs(m), constant = off,
       ranef = lapply(r, function(v) list(levels = head(rownames(v), 4), modes = unname(as.matrix(head(v, 4))))))
}
TMB <- list(binomial = "binomial", poisson = "poisson", negative_binomial = "nbinom2", Gamma = "Gamma", gaussian = "gaussian", beta = "beta_family", beta_binomial = "betabinomial")
by_tmb <- function(s, data) {
  data$W <- if (is.null(s$weights)) 1 else data[[s$weights]]
  args <- list(as.formula(gsub("x || g", "1 | g) + (0 + x | g", s[[2]], fixed = TRUE)), data = data, family = do.call(TMB[[s[[3]]]], list(link = s[[4]])),
               control = glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4)))
  if (!is.null(s$weights)) args$weights <- quote(W)
  m <- quiet(do.call(glmmTMB, args)); o <- m$obj; x <- m$fit$par
  for (i in 1:4) { H <- optimHess(x, o$fn, o$gr); z <- tryCatch(x - solve(H, o$gr(x)[1, ]), error = function(e) x)
    if (is.nan(o$fn(z)) || o$fn(z) > o$fn(x)) break
    x <- z }
  V <- tryCatch(solve(jacobian(function(z) o$gr(z)[1, ], x)), error = function(e) matrix(NA, length(x), length(x))); th <- x[names(x) == "theta"]
  disp <- s[[3]] %in% c("binomial", "poisson"); betad <- unname(x[names(x) == "betad"])
  phi <- if (disp) NULL else switch(s[[3]], gaussian = exp(betad), Gamma = exp(-betad), exp(betad))
  if (!disp) { known <- sigma(m)^(if (s[[3]] %in% c("gaussian", "Gamma")) 2 else 1); stopifnot(abs(phi / known - 1) < 1e-3) }
  relative <- if (s[[3]] %in% c("gaussian", "Gamma")) sqrt(phi) else 1
  factors <- list(); at <- 0
  for (v in names(VarCorr(m)$cond)) {
    k <- ncol(VarCorr(m)$cond[[v]]); sd <- exp(th[at + 1:k]); C <- diag(k)
    if (k == 2) { t <- th[at + 3]; C[1, 2] <- C[2, 1] <- t / sqrt(1 + t^2) }
    L <- t(chol(outer(sd, sd) * C)); factors[[length(factors) + 1]] <- list(v = sub("\\.1$", "", v), l = L[lower.tri(L, TRUE)]); at <- at + k * (k + 1) / 2
  }
  levels <- sapply(factors, function(f) m$modelInfo$reTrms$cond$flist |> (\(q) nlevels(q[[f$v]]))())
  theta <- unlist(lapply(factors[order(-levels)], function(f) f$l)) / relative
  list(theta = theta, beta = unname(x[names(x) == "beta"]), phi = phi, loglik = -as.numeric(o$fn(x)), default_loglik = as.numeric(logLik(m)),
       std_error = unname(sqrt(diag(V))[names(x) == "beta"]), std_error_log_phi = if (disp) NULL else sqrt(diag(V))[names(x) == "betad"], names = names(fixef(m)$cond))
}
by_nb <- function(s, data) {
  m <- quiet(glmer.nb(as.formula(s[[2]]), data)); list(theta = unname(getME(m, "theta")), beta = unname(fixef(m)), phi = getME(m, "glmer.nb.theta"), loglik = as.numeric(logLik(m)))
}
answers <- function(s) {
  data <- rd(s[[1]]); e <- if (is.null(s$engines)) c("glmer", "tmb") else s$engines; if (!is.null(s$nagq)) e <- "glmer"
  out <- list(data = s[[1]], formula = s[[2]], family = s[[3]], link = s[[4]], nagq = if (is.null(s$nagq)) 1 else s$nagq, weights = s$weights)
  if ("glmer" %in% e && s[[3]] %in% c("binomial", "poisson")) out$glmer <- by_glmer(s, data)
  if (s[[3]] == "negative_binomial" && "glmer" %in% e) out$glmer_nb <- by_nb(s, data)
  if ("tmb" %in% e) out$tmb <- by_tmb(s, data)
  out
}
asked <- commandArgs(TRUE); asked <- if (length(asked)) asked else names(MODELS)
out <- if (file.exists("glmm.json")) fromJSON("glmm.json", simplifyVector = FALSE) else list()
for (name in asked) {
  message(name, " ", appendLF = FALSE); started <- Sys.time()
  out[[name]] <- tryCatch(answers(MODELS[[name]]), error = function(e) { message("FAILED: ", conditionMessage(e)); NULL })
  message(format(Sys.time() - started)); g <- out[[name]]
  message("   default ", g$glmer$default$loglik, " ", g$glmer$default$logLik, " tight ", g$glmer$tight$loglik, " tmb ", g$tmb$loglik, " nb ", g$glmer_nb$loglik)
  writeLines(toJSON(out[intersect(names(MODELS), names(out))], digits = I(15), auto_unbox = TRUE, na = "null", null = "null"), "glmm.json")
}
