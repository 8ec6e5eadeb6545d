# Numbers of lme4 and lmerTest for every model of models.R -> lmm.json
# Rscript lmm.R             (InstEval takes some minutes)
source("models.R")
crit <- function(m) if (isREML(m)) REMLcrit(m) else deviance(m, REML = FALSE)
vc <- function(m) { v <- as.data.frame(VarCorr(m)); as.list(v) }
ranefs <- function(m) lapply(ranef(m, condVar = TRUE), function(r) {
  pv <- attr(r, "postVar"); k <- min(5, nrow(r))
  if (is.list(pv)) pv <- NULL
  list(levels = head(rownames(r), k), columns = colnames(r), modes = unname(as.matrix(head(r, k))),
       cond_var = if (!is.null(pv)) lapply(seq_len(k), function(i) matrix(pv[, , i], ncol(r))))
})
# rows for predict: six rows of the data with the covariates moved
new_rows <- function(d, spec) {
  nd <- d[c(1, 2, 11, 17, 25, 30), , drop = FALSE]
  for (v in intersect(c("Days", "ses", "standLRT", "day"), names(nd))) nd[[v]] <- nd[[v]] + 0.5
  nd
}
answers <- function(name) {
  spec <- MODELS[[name]]; f <- fit(spec); m <- f$m; data <- f$data
  cf <- coef(suppressMessages(summary(m))); big <- nobs(m) > 20000
  p <- nrow(cf); L <- seq_len(p) / p                         # one contrast across all coefficients
  con <- suppressMessages(contest1D(m, L))
  list(data = spec[[1]], formula = spec[[2]], reml = isREML(m), weights = spec$weights,
       n = nobs(m), theta = unname(getME(m, "theta")), names_theta = names(getME(m, "theta")),
       criterion = crit(m), pwrss = unname(getME(m, "devcomp")$cmp["pwrss"]),
       names = rownames(cf), estimate = unname(cf[, "Estimate"]), std_error = unname(cf[, "Std. Error"]),
       df = unname(cf[, "df"]), statistic = unname(cf[, "t value"]), p_value = unname(cf[, "Pr(>|t|)"]),
       contrast = list(L = L, estimate = con$Estimate, std_error = con[["Std. Error"]], df = con$df),
       vcov = unname(as.matrix(vcov(m))), sigma = sigma(m), varcorr = vc(m),
       loglik = as.numeric(logLik(m)), aic = AIC(m), bic = BIC(m), df_resid = df.residual(m),
       n_groups = as.list(ngrps(m)), singular = isSingular(m),
       quantiles = unname(quantile(residuals(m, "pearson", scaled = TRUE))),
       fitted = head(unname(fitted(m)), 8), residuals = head(unname(resid(m)), 8),
       pearson = head(unname(resid(m, "pearson")), 8),
       predict_new = unname(predict(m, new_rows(data, spec))),
       predict_population = unname(predict(m, new_rows(data, spec), re.form = NA)),
       wald = unname(confint(m, method = "Wald")[rownames(cf), , drop = FALSE]),
       ranef = if (!big) ranefs(m) else NULL,
       coef = lapply(coef(m), function(r) unname(as.matrix(head(r, 5)))))
}
two <- function() {
  d <- rd("sleepstudy"); env <- environment()
  m0 <- lmerTest::lmer(Reaction ~ 1 + (Days | Subject), d, control = TIGHT)
  m1 <- lmerTest::lmer(Reaction ~ Days + (Days | Subject), d, control = TIGHT)
  m2 <- lmerTest::lmer(Reaction ~ Days + I(Days^2) + (Days | Subject), d, control = TIGHT)
  a <- suppressMessages(anova(m2, m0, m1)); b <- anova(lmerTest::lmer(Reaction ~ Days + (1 | Subject), d, control = TIGHT), m1, refit = FALSE)
  tab <- function(a) list(model = rownames(a), n_par = a$npar, aic = a$AIC, bic = a$BIC, loglik = a$logLik,
                          deviance = a$deviance, chisq = a$Chisq, df = a$Df, p_value = a[["Pr(>Chisq)"]])
  list(refitted = tab(a), as_fitted = tab(b),
       predict_term = unname(predict(m1, head(d, 12), re.form = ~ (1 | Subject))),
       predict_new_level = unname(predict(m1, transform(head(d, 3), Subject = c("308", "999", "309")), allow.new.levels = TRUE)))
}
out <- list(anova = two())
ROWWISE <- c("fitted", "residuals", "pearson", "predict_new", "predict_population")
for (name in names(MODELS)) {
  message(name); out[[name]] <- answers(name)
  if (name == "classroom") out[[name]][ROWWISE] <- NULL      # its rows must not be derivable
}
writeLines(toJSON(out, digits = I(17), auto_unbox = TRUE, na = "null", null = "null", pretty = FALSE), "lmm.json")
