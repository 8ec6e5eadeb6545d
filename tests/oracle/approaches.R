# One question asked of grouped data in every usual way, for tests/workflow/test_approaches.py.
# Run: Rscript approaches.R > approaches.json    (classroom.csv is read from ../../../shared/data)
suppressMessages({library(lme4); library(lmerTest); library(mlmRev); library(jsonlite)})
table_of <- function(m) {
  s <- summary(m)$coefficients
  df <- if ("df" %in% colnames(s)) s[, "df"] else rep(df.residual(m), nrow(s))
  list(term = rownames(s), estimate = unname(s[, "Estimate"]),
       std_error = unname(s[, "Std. Error"]), df = unname(df),
       statistic = unname(s[, "t value"]), p_value = unname(s[, ncol(s)]))
}
measures <- function(m) list(n_par = length(coef(m)) + 1, sigma = sigma(m),
                             r2 = summary(m)$r.squared, aic = AIC(m))
# lmer stops early by default: its standard errors have four digits of the optimum.
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.02, rhoend = 1e-9))
mixed <- function(f, d) {
  m <- lmerTest::lmer(f, d, control = tight)
  ml <- lme4::lmer(f, d, REML = FALSE, control = tight)
  c(table_of(m), list(sigma = sigma(m), aic = AIC(ml), n_par = attr(logLik(ml), "df")))
}
linear <- function(f, d) { m <- lm(f, d); c(table_of(m), measures(m)) }
# The columns of the model matrix averaged in every group, as aggregate() does.
means <- function(f, d, g) {
  X <- model.matrix(f, d)
  both <- aggregate(data.frame(y = model.response(model.frame(f, d)), X, check.names = FALSE),
                    list(g = d[[g]]), mean)
  m <- lm(as.formula(paste("y ~", paste0("`", colnames(X)[-1], "`", collapse = "+"))), both)
  out <- c(table_of(m), measures(m))
  out$term <- gsub("`", "", out$term)
  out
}
separate <- function(f, d, g) {
  X <- model.matrix(f, d)[, -1, drop = FALSE]
  wide <- data.frame(y = model.response(model.frame(f, d)), X, check.names = FALSE)
  fits <- lapply(split(wide, d[[g]]), function(part) lm(y ~ ., part))
  b <- t(sapply(fits, coef))
  n <- colSums(!is.na(b))
  list(term = gsub("`", "", colnames(b)), estimate = unname(colMeans(b, na.rm = TRUE)),
       std_error = unname(apply(b, 2, sd, na.rm = TRUE) / sqrt(n)), df = unname(n - 1),
       n_par = sum(!is.na(b)) + 1,
       sigma = sqrt(sum(sapply(fits, deviance)) / sum(sapply(fits, df.residual))))
}
only <- function(x, keep) {
  at <- match(keep, x$term)
  for (k in c("term", "estimate", "std_error", "df", "statistic", "p_value")) x[[k]] <- x[[k]][at]
  x
}
# London schools: girls in mixed schools and in girls' schools.
Exam$schgend <- factor(Exam$schgend, levels = c("mixed", "boys", "girls"))
full <- normexam ~ standLRT + sex + schgend
exam <- list(
  pooled = linear(full, Exam), means = means(full, Exam, "school"),
  separate = separate(normexam ~ standLRT, Exam, "school"),
  fixed = only(linear(normexam ~ standLRT + sex + school, Exam), c("(Intercept)", "standLRT", "sexM")),
  crossed = only(linear(normexam ~ standLRT * school, Exam), c("(Intercept)", "standLRT")),
  random = mixed(normexam ~ standLRT + sex + schgend + (1 | school), Exam),
  slopes = mixed(normexam ~ standLRT + sex + schgend + (1 + standLRT | school), Exam))
# Gains in mathematics: sex, the teacher's training and knowledge.
room <- read.csv("../../../shared/data/classroom.csv")
gain <- mathgain ~ mathkind + sex + ses + mathprep + mathknow
room <- room[complete.cases(room[, all.vars(gain)]), ]
room$school <- factor(room$schoolid); room$class <- factor(room$classid)
lower <- c("(Intercept)", "mathkind", "sex", "ses")
rooms <- list(
  pooled = linear(gain, room),
  means_school = means(gain, room, "schoolid"), means_class = means(gain, room, "classid"),
  separate_school = separate(gain, room, "schoolid"),
  fixed_school = linear(update(gain, . ~ . + school), room),
  fixed_class = only(linear(mathgain ~ mathkind + sex + ses + class, room), lower),
  random_school = mixed(update(gain, . ~ . + (1 | schoolid)), room),
  random_class = mixed(update(gain, . ~ . + (1 | classid)), room),
  nested = mixed(update(gain, . ~ . + (1 | schoolid/classid)), room))
null <- as.data.frame(VarCorr(lme4::lmer(mathgain ~ 1 + (1 | schoolid/classid), room)))
rooms$fixed_school <- only(rooms$fixed_school, c(lower, "mathprep", "mathknow"))
rooms$shares <- null$vcov / sum(null$vcov)
cat(toJSON(list(exam = exam, rooms = rooms), digits = NA, na = "null", auto_unbox = TRUE), "\n")
