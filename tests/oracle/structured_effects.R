# Structured random effects beside structured residuals: nlme, and glmmTMB (whose ar1 term with
# dispformula = ~0 is an AR1 residual). Writes structured_effects.json.
suppressMessages({library(nlme); library(glmmTMB); library(jsonlite)})
set.seed(20)
S <- 30; V <- 4
d <- expand.grid(t = 0:(V - 1), arm = 1:2, id = 1:S)
d$f <- c("a", "b", "c")[d$t %% 3 + 1]
L <- t(chol(matrix(c(1, .5, .5, .5, 1.5, .6, .5, .6, 2), 3)))
b <- t(L %*% matrix(rnorm(3 * S), 3))
R <- t(chol(.6^abs(outer(0:(V - 1), 0:(V - 1), "-"))))
d$y <- 1 + .3 * d$t + b[cbind(d$id, d$t %% 3 + 1)] +
  as.vector(apply(matrix(rnorm(nrow(d)), V), 2, function(z) R %*% z))
d$y <- round(d$y, 4)
d <- d[-c(3, 17, 50, 51, 120), ]
d$run <- paste(d$id, d$arm, sep = "_")
d$id <- as.character(d$id)
control <- lmeControl(msMaxIter = 500, maxIter = 500, tolerance = 1e-12, msTol = 1e-14,
                      niterEM = 50, returnObject = TRUE)
theirs <- function(random, method = "REML", ...) {
  m <- lme(y ~ t, d, random = random, correlation = corAR1(form = ~ t | id/run),
           method = method, control = control, ...)
  list(loglik = as.numeric(logLik(m)), beta = unname(fixef(m)),
       se = unname(sqrt(diag(vcov(m)))), sigma = m$sigma,
       rho = unname(coef(m$modelStruct$corStruct, unconstrained = FALSE)),
       covariance = unname(as.matrix(pdMatrix(m$modelStruct$reStruct)[[1]])[, ]) * m$sigma^2)
}
out <- list(data = d)
out$homcs <- theirs(list(id = pdCompSymm(~ f - 1)))
out$homcs_ml <- theirs(list(id = pdCompSymm(~ f - 1)), "ML")
out$diag <- theirs(list(id = pdDiag(~ f - 1)))
out$homdiag <- theirs(list(id = pdIdent(~ f - 1)))
out$us <- theirs(list(id = pdSymm(~ f - 1)))
out$homcs_ident <- theirs(list(id = pdCompSymm(~ f - 1)), weights = varIdent(form = ~ 1 | arm))
d$visit <- factor(d$t)
tmb <- function(formula) {
  m <- glmmTMB(formula, d, REML = TRUE, dispformula = ~0)
  v <- VarCorr(m)$cond
  list(loglik = as.numeric(logLik(m)), beta = unname(fixef(m)$cond),
       covariance = unname(as.matrix(v$id)[, ]), sigma = unname(attr(v$run, "stddev")[1]),
       rho = attr(v$run, "correlation")[1, 2])
}
out$cs <- tmb(y ~ t + cs(0 + f | id) + ar1(0 + visit | run))
out$toep <- tmb(y ~ t + toep(0 + f | id) + ar1(0 + visit | run))
out$ar1 <- tmb(y ~ t + ar1(0 + factor(f) | id) + ar1(0 + visit | run))
writeLines(toJSON(out, digits = 12, auto_unbox = TRUE), "structured_effects.json")
