# Linear models: numbers -> lm.json, printed text of summary and anova -> lm_<model>.txt
source("models.R")
LMS <- list(
  sleepstudy = list("sleepstudy", "Reaction ~ Days"),
  cake = list("cake", "angle ~ recipe * temperature"),
  tutorial = list("hlm_tutorial", "math_score ~ intervention + ses + intervention*ses"),
  exam = list("Exam", "normexam ~ standLRT * sex + type"),
  weights = list("sleepstudy", "Reaction ~ Days + I(Days^2)", weights = "w"),
  offset = list("sleepstudy", "Reaction ~ Days + offset(off)"),
  aliased = list("sleepstudy", "Reaction ~ Days + I(2 * Days) + Subject"),
  no_intercept = list("Machines", "score ~ 0 + Machine"))
out <- list()
for (name in names(LMS)) {
  s <- LMS[[name]]; data <- more(rd(s[[1]])); call <- list(quote(lm), as.formula(s[[2]]), data = quote(data))
  if (!is.null(s$weights)) call$weights <- as.name(s$weights)
  m <- eval(as.call(call)); z <- summary(m); a <- anova(m)
  writeLines(capture.output(print(z)), sprintf("lm_%s.txt", name))
  writeLines(capture.output(print(a)), sprintf("lm_anova_%s.txt", name))
  cf <- coef(z)
  out[[name]] <- list(
    data = s[[1]], formula = s[[2]], weights = s$weights, names = rownames(cf), aliased = names(coef(m))[is.na(coef(m))],
    estimate = unname(cf[, 1]), std_error = unname(cf[, 2]), statistic = unname(cf[, 3]),
    p_value = unname(cf[, 4]), vcov = unname(vcov(m, complete = FALSE)), sigma = sigma(m),
    r_squared = z$r.squared, adj_r_squared = z$adj.r.squared, f = unname(z$fstatistic),
    df_resid = m$df.residual, loglik = as.numeric(logLik(m)), aic = AIC(m), bic = BIC(m),
    quantiles = unname(quantile(z$residuals)),
    hat = head(unname(hatvalues(m)), 8), fitted = head(unname(fitted(m)), 8),
    residuals = head(unname(resid(m)), 8), confint = unname(confint(m)[!is.na(coef(m)), , drop = FALSE]),
    pearson = head(unname(resid(m, "pearson")), 8),
    anova = list(term = trimws(rownames(a)), df = a$Df, sum_sq = a[["Sum Sq"]], mean_sq = a[["Mean Sq"]],
                 f = a[["F value"]], p = a[["Pr(>F)"]]))
}
m0 <- lm(Reaction ~ 1, rd("sleepstudy")); m1 <- lm(Reaction ~ Days, rd("sleepstudy"))
a <- anova(m0, m1)
out$two <- list(res_df = a$Res.Df, rss = a$RSS, f = a$F, p = a[["Pr(>F)"]])
writeLines(toJSON(out, digits = I(16), auto_unbox = TRUE, na = "null", null = "null", pretty = FALSE), "lm.json")
